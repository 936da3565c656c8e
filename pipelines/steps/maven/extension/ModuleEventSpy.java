package buildcoordination;

import java.io.File;
import java.io.IOException;
import javax.inject.Named;
import javax.inject.Singleton;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.eventspy.AbstractEventSpy;
import org.apache.maven.execution.ExecutionEvent;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.project.MavenProject;
import org.apache.maven.project.artifact.ProjectArtifact;

/** Writes the events of each module to the event log. */
@Named
@Singleton
public final class ModuleEventSpy extends AbstractEventSpy {
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
                WrittenFiles.started(module);
                break;
            case ProjectSucceeded:
                files(session, module);
                WrittenFiles.succeeded(module);
                EventLog.write("succeeded", EventLog.key(module));
                break;
            case MojoFailed:
                if (!isTestsFailed(happened)) {
                    EventLog.write("torn", EventLog.key(module));
                }
                break;
            case ProjectFailed:
                EventLog.write("failed", EventLog.key(module));
                break;
            case ProjectSkipped:
                EventLog.write("skipped", EventLog.key(module));
                break;
            case SessionEnded:
                EventLog.write("ended", session.getResult().hasExceptions() ? "failed" : "succeeded");
                break;
            default:
        }
    }

    /** Whether a module's tests failed: then all its files are complete. */
    private static boolean isTestsFailed(ExecutionEvent event) {
        String plugin = event.getMojoExecution().getArtifactId();
        return event.getException().getCause() instanceof MojoFailureException
                && (plugin.equals("maven-surefire-plugin") || plugin.equals("maven-failsafe-plugin"));
    }

    /** The module's files, and their paths in the local repository when they are installed there. */
    private void files(MavenSession session, MavenProject module) throws IOException {
        File pom = installed(session, new ProjectArtifact(module));
        File ownPom = pom;
        for (Artifact attached : module.getAttachedArtifacts()) {
            if (isConsumerPom(attached)) {
                // Maven 4 makes it in a temporary file, and installs it in the place of the module's POM
                ownPom = new File(pom.getParentFile(), pom.getName().replaceFirst("\\.pom$", "-build.pom"));
                file(module, pom, pom);
            } else {
                file(module, attached.getFile(), installed(session, attached));
            }
        }
        file(module, module.getFile(), ownPom);
        file(module, module.getArtifact().getFile(), installed(session, module.getArtifact()));
    }

    private static boolean isConsumerPom(Artifact artifact) {
        return artifact.getType().equals("pom") && "consumer".equals(artifact.getClassifier());
    }

    private static File installed(MavenSession session, Artifact artifact) {
        return new File(session.getLocalRepository().getBasedir(), session.getLocalRepository().pathOf(artifact));
    }

    private static void file(MavenProject module, File made, File installed) throws IOException {
        if (made != null && made.isFile()) {
            EventLog.write("file", EventLog.key(module), made.getPath(), installed.getPath(),
                    String.valueOf(made.length()), String.valueOf(made.lastModified()));
        }
    }
}
