package buildcoordination;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/**
 * Appends to the file that the system property buildcoordination.events names; events.py has the
 * format. A line is one write, so it survives kill -9.
 */
final class EventLog {
    private static FileOutputStream out;
    private static MavenSession planned;

    private EventLog() {}

    static synchronized boolean open() throws IOException {
        String file = System.getProperty("buildcoordination.events");
        if (out == null && file != null) {
            out = new FileOutputStream(file, true);
        }
        return out != null;
    }

    /** Writes the modules of a session in the order in which they are built; once for each session. */
    static synchronized void plan(MavenSession session) throws IOException {
        if (planned == session) {
            return;
        }
        planned = session;
        // A separate line, even after one that a kill has cut short.
        append("\n" + System.currentTimeMillis() + "\trun\n");
        for (MavenProject module : session.getProjects()) {
            write("planned", key(module), module.getFile().getPath(), module.getName());
            write("builds", key(module), module.getBuild().getDirectory());
        }
    }

    static String key(MavenProject module) {
        return module.getGroupId() + ":" + module.getArtifactId();
    }

    static synchronized void write(String event, String... fields) throws IOException {
        append(System.currentTimeMillis() + "\t" + event + "\t" + String.join("\t", fields) + "\n");
    }

    private static void append(String line) throws IOException {
        out.write(line.getBytes(StandardCharsets.UTF_8));
    }
}
