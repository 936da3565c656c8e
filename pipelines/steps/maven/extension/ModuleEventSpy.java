package buildcoordination;

import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.inject.Named;
import javax.inject.Singleton;
import org.apache.maven.eventspy.AbstractEventSpy;
import org.apache.maven.execution.ExecutionEvent;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/** Writes the events of each module to the event log. */
@Named
@Singleton
public final class ModuleEventSpy extends AbstractEventSpy {
    private final Map<String, FileTime> begins = new ConcurrentHashMap<>();

    @Override
    public void onEvent(Object event) throws IOException {
        if (!(event instanceof ExecutionEvent) || !EventLog.open()) {
            return;
        }
        ExecutionEvent happened = (ExecutionEvent) event;
        MavenSession session = happened.getSession();
        MavenProject module = happened.getProject();
        switch (happened.getType()) {
            case SessionStarted:
                EventLog.plan(session);
                break;
            case ProjectStarted:
                EventLog.write("started", EventLog.key(module));
                begins.put(EventLog.key(module), KeptModules.moment());
                guarded(module, () -> KeptModules.started(module));
                break;
            case MojoStarted:
                Resolved.note(module);
                break;
            case ProjectSucceeded:
                files(session, module);
                resolved(session, module);
                guarded(module, () -> KeptModules.succeeded(module));
                EventLog.write("succeeded", EventLog.key(module));
                break;
            case ProjectFailed:
                EventLog.write("failed", EventLog.key(module));
                break;
            case ProjectSkipped:
                EventLog.write("skipped", EventLog.key(module));
                break;
            case SessionEnded:
                boolean failed = session.getResult().hasExceptions();
                guarded(session.getTopLevelProject(), () -> KeptModules.ended(failed));
                EventLog.write("ended", failed ? "failed" : "succeeded");
                break;
            default:
        }
    }

    /** Maven only logs what a listener throws, and would build on what is incomplete. */
    private static void guarded(MavenProject module, Work work) throws IOException {
        try {
            work.run();
        } catch (IOException | RuntimeException error) {
            EventLog.write("stale", EventLog.key(module), error.toString().replaceAll("[\t\n]", " "));
        }
    }

    private void files(MavenSession session, MavenProject module) throws IOException {
        FileTime begin = begins.get(EventLog.key(module));
        if (begin != null) {
            for (Path file : ModuleResults.installedFiles(session, module, begin)) {
                EventLog.write("file", EventLog.key(module), file.toString());
            }
        }
    }

    private static void resolved(MavenSession session, MavenProject module) throws IOException {
        List<String> fields = new ArrayList<>(Arrays.asList(EventLog.key(module), Resolved.id(module)));
        fields.addAll(Resolved.items(session, module));
        EventLog.write("resolved", fields.toArray(new String[0]));
    }

    /** Reads and writes files. */
    private interface Work {
        void run() throws IOException;
    }
}
