package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Year;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.maven.execution.MavenSession;

/** What every module of a session is built from: options, environment, Maven, Java, settings. */
final class Surroundings {
    /** Of this process, of the shell that called it, or of `make` above it; not of the build. */
    private static final Set<String> OF_PROCESS = new HashSet<>(Arrays.asList("_", "SHLVL", "PWD", "OLDPWD",
            "FAKEROOTKEY", "FAKED_MODE", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKE_TERMOUT", "MAKE_TERMERR",
            "MAVEN_OPTS", "MAVEN_CMD_LINE_ARGS", "MAVEN_PROJECTBASEDIR", "SSH_AUTH_SOCK", "SSH_CLIENT",
            "SSH_CONNECTION", "SSH_TTY", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "XDG_SESSION_ID",
            "BUILD_ATTEMPT", "BUILD_COORDINATION_ATTEMPT", "TERM", "COLUMNS", "LINES"));
    /** Properties that Java and Maven's launcher set for the place and the moment of a run. */
    private static final Pattern OF_RUN = Pattern.compile("buildcoordination\\..*|maven\\.ext\\.class\\.path"
            + "|maven\\.repo\\.local|maven\\.multiModuleProjectDirectory|session\\..*|user\\.dir|sun\\..*"
            + "|jdk\\..*|java\\.vm\\.(info|compressedOopsMode)|java\\.class\\.path|java\\.io\\.tmpdir"
            + "|library\\.jansi\\.path|style\\.color|maven\\.conf|classworlds\\.conf|env\\..*"
            + "|java\\.library\\.path|maven\\.mainClass|guice\\..*"
            + "|maven\\.build\\.timestamp|org\\.slf4j\\..*|native\\.encoding|stdout\\.encoding|stderr\\.encoding");

    static final String ENVIRONMENT = "environment variable ";

    private Surroundings() {}

    static Map<String, String> of(MavenSession session, Settings settings) throws IOException {
        Map<String, String> parts = new TreeMap<>();
        session.getUserProperties().forEach((name, value) -> add(parts, "property " + name, value, settings));
        session.getSystemProperties().forEach((name, value) -> {
            if (!session.getUserProperties().containsKey(name)) {
                add(parts, "Java property " + name, value, settings);
            }
        });
        System.getenv().forEach((name, value) -> {
            if (!OF_PROCESS.contains(name)) {
                parts.put(ENVIRONMENT + name, Tree.digest(settings.without(value)));
            }
        });
        parts.put("the extension of this program", settings.extension);
        parts.put("the goals", session.getGoals().toString());
        parts.put("the profiles", session.getRequest().getActiveProfiles() + " without "
                + session.getRequest().getInactiveProfiles());
        parts.put("pure_plugins or module_inputs", settings.rules.toString());
        // maven-remote-resources-plugin writes it into NOTICE files.
        parts.put("the year", Year.now().toString());
        addFiles(parts, session, settings);
        return parts;
    }

    private static void add(Map<String, String> parts, String name, Object value, Settings settings) {
        String property = name.substring(name.lastIndexOf(' ') + 1);
        if (!OF_RUN.matcher(property).matches()) {
            parts.put(name, Tree.digest(settings.without(String.valueOf(value))));
        }
    }

    private static void addFiles(Map<String, String> parts, MavenSession session, Settings settings)
            throws IOException {
        File[] files = {session.getRequest().getUserSettingsFile(), session.getRequest().getGlobalSettingsFile(),
                session.getRequest().getUserToolchainsFile(), session.getRequest().getGlobalToolchainsFile()};
        for (File file : files) {
            if (file != null && file.isFile()) {
                parts.put("Maven's " + file.getName() + " in " + settings.without(file.getParent()),
                        Tree.digest(file.toPath()));
            }
        }
        Path start = session.getRequest().getMultiModuleProjectDirectory().toPath();
        Path own = start.resolve(".mvn");
        for (Path file : Tree.list(own, folder -> folder.equals(own.resolve("target"))).keySet()) {
            parts.put("file .mvn/" + own.relativize(file), Tree.describe(file));
        }
        String home = System.getProperty("maven.home");
        Path extensions = home == null ? null : new File(home, "lib/ext").toPath();
        if (extensions != null && Files.isDirectory(extensions)) {
            for (Path file : Tree.list(extensions, folder -> false).keySet()) {
                parts.put("Maven's own lib/ext/" + extensions.relativize(file), Tree.describe(file));
            }
        }
    }
}
