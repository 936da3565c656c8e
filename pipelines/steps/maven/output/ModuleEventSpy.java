package buildcoordination;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.inject.Named;
import javax.inject.Singleton;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.eventspy.AbstractEventSpy;
import org.apache.maven.execution.ExecutionEvent;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.project.MavenProject;
import org.apache.maven.project.artifact.ProjectArtifact;

/**
 * Appends what happens to each module to the file that the system property buildcoordination.events
 * names; maven_events.py has the format. A line is one write, so it is there after kill -9.
 */
@Named
@Singleton
public final class ModuleEventSpy extends AbstractEventSpy {
    private FileOutputStream out;

    @Override
    public void init(Context context) throws IOException {
        String file = System.getProperty("buildcoordination.events");
        if (file != null) {
            out = new FileOutputStream(file, true);
        }
    }

    @Override
    public void onEvent(Object event) throws IOException {
        if (out == null || !(event instanceof ExecutionEvent)) {
            return;
        }
        ExecutionEvent happened = (ExecutionEvent) event;
        MavenSession session = happened.getSession();
        MavenProject module = happened.getProject();
        switch (happened.getType()) {
            case SessionStarted:
                // A line of its own, also after one that a kill has cut short.
                write("", "run");
                for (MavenProject planned : session.getProjects()) {
                    plan(session, planned);
                }
                break;
            case ProjectStarted:
                write("started", key(module));
                break;
            case ProjectSucceeded:
                files(session, module);
                write("succeeded", key(module));
                break;
            case MojoFailed:
                if (!isTestsFailed(happened)) {
                    write("torn", key(module));
                }
                break;
            case ProjectFailed:
                write("failed", key(module));
                break;
            case ProjectSkipped:
                write("skipped", key(module));
                break;
            case SessionEnded:
                write("ended", session.getResult().hasExceptions() ? "failed" : "succeeded");
                break;
            default:
        }
    }

    private void plan(MavenSession session, MavenProject module) throws IOException {
        List<String> needs = new ArrayList<>();
        for (MavenProject needed : session.getProjectDependencyGraph().getUpstreamProjects(module, false)) {
            needs.add(key(needed));
        }
        write("planned", key(module), module.getFile().getPath(), module.getPackaging(), String.join(",", needs),
                module.getName());
        write("builds", key(module), module.getBuild().getDirectory());
    }

    /** Whether a module's tests failed: after that all that it made is whole. */
    private static boolean isTestsFailed(ExecutionEvent event) {
        String plugin = event.getMojoExecution().getArtifactId();
        return event.getException().getCause() instanceof MojoFailureException
                && (plugin.equals("maven-surefire-plugin") || plugin.equals("maven-failsafe-plugin"));
    }

    /** What the module made, and where it is in the local repository when it is installed there. */
    private void files(MavenSession session, MavenProject module) throws IOException {
        file(session, module, new ProjectArtifact(module), module.getFile());
        file(session, module, module.getArtifact(), module.getArtifact().getFile());
        for (Artifact attached : module.getAttachedArtifacts()) {
            file(session, module, attached, attached.getFile());
        }
    }

    private void file(MavenSession session, MavenProject module, Artifact artifact, File made) throws IOException {
        if (made == null || !made.isFile()) {
            return;
        }
        File repository = new File(session.getLocalRepository().getBasedir());
        File installed = new File(repository, session.getLocalRepository().pathOf(artifact));
        write("file", key(module), made.getPath(), installed.getPath(), String.valueOf(made.length()),
                String.valueOf(made.lastModified()));
    }

    private static String key(MavenProject module) {
        return module.getGroupId() + ":" + module.getArtifactId();
    }

    private synchronized void write(String event, String... fields) throws IOException {
        String time = event.isEmpty() ? "\n" : "";
        String name = event.isEmpty() ? "" : event + "\t";
        String line = time + System.currentTimeMillis() + "\t" + name + String.join("\t", fields) + "\n";
        out.write(line.getBytes(StandardCharsets.UTF_8));
    }
}
