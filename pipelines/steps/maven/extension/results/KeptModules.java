package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;
import org.apache.maven.project.MavenProjectHelper;

/** The modules of a session that are left out and those that are built, while it runs. */
final class KeptModules {
    private static MavenSession session;
    private static Folders folders;
    private static ModuleStore store;
    private static Map<String, ModuleReads> modules;
    /** Those that are left out and not yet put back, in the order of the build. */
    private static Map<String, KeptModule> waiting;
    private static final Map<String, Map<Path, String>> PUT_BACK = new LinkedHashMap<>();
    private static final Map<String, FileTime> STARTED = new LinkedHashMap<>();
    private static final Set<String> RUNNING = new HashSet<>();
    /** For each started module those that ran at the same time. */
    private static final Map<String, Set<String>> TOGETHER = new LinkedHashMap<>();
    /** Built modules whose results cannot be trusted to follow from their inputs. */
    private static final Set<String> UNKNOWN = new HashSet<>();

    private KeptModules() {}

    /** Maven builds everything in the session that follows. */
    static synchronized void forget() {
        modules = null;
        PUT_BACK.clear();
        STARTED.clear();
        RUNNING.clear();
        TOGETHER.clear();
        UNKNOWN.clear();
    }

    static synchronized void use(MavenSession session, Folders folders, ModuleStore store,
            Map<String, ModuleReads> modules, Map<String, KeptModule> kept, MavenProjectHelper helper) {
        KeptModules.session = session;
        KeptModules.folders = folders;
        KeptModules.store = store;
        KeptModules.modules = modules;
        waiting = kept;
        for (Map.Entry<String, KeptModule> each : kept.entrySet()) {
            MavenProject project = modules.get(each.getKey()).project;
            for (String[] line : each.getValue().lines) {
                if (line[0].equals("main")) {
                    project.getArtifact().setFile(folders.source.resolve(line[1]).toFile());
                } else if (line[0].equals("attached")) {
                    File file = folders.source.resolve(line[3]).toFile();
                    helper.attachArtifact(project, line[1], line[2].isEmpty() ? null : line[2], file);
                }
            }
        }
    }

    /** The moment of the file system, which can be behind Java's clock. */
    static FileTime moment() throws IOException {
        Path folder = Paths.get(System.getProperty("buildcoordination.events")).toAbsolutePath().getParent();
        Path marker = Files.createTempFile(folder, "", "");
        FileTime time = Tree.changed(marker);
        Files.delete(marker);
        return time;
    }

    static synchronized void started(MavenProject project) throws IOException {
        String key = EventLog.key(project);
        if (modules == null || !modules.containsKey(key)) {
            return;
        }
        putBackBefore(key);
        TOGETHER.put(key, new HashSet<>(RUNNING));
        for (String other : RUNNING) {
            TOGETHER.get(other).add(key);
        }
        RUNNING.add(key);
        String changed = modules.get(key).disturbed();
        if (!changed.isEmpty()) {
            distrust(key, "another module changed " + changed);
        }
        STARTED.put(key, moment());
    }

    /** Puts back the modules before this one; those behind it, a build from scratch has not made yet. */
    private static void putBackBefore(String key) throws IOException {
        for (String earlier : modules.keySet()) {
            if (earlier.equals(key)) {
                return;
            }
            putBack(earlier);
        }
    }

    private static void putBack(String key) throws IOException {
        KeptModule kept = waiting.remove(key);
        if (kept == null) {
            return;
        }
        ModuleReads module = modules.get(key);
        String changed = module.disturbed();
        if (!changed.isEmpty()) {
            EventLog.write("stale", key, changed);
        }
        FileTime begin = moment();
        FileTime now = FileTime.fromMillis(System.currentTimeMillis());
        for (Path old : module.listFolder().keySet()) {
            if (old.startsWith(module.target)) {
                Files.delete(old);
            }
        }
        Map<Path, String> restored = new TreeMap<>();
        for (Path path : kept.restore(folders.source, ModuleResults.repository(session), now)) {
            restored.putAll(Tree.list(path, folder -> false));
        }
        PUT_BACK.put(key, restored);
        for (String[] line : kept.lines) {
            if (line[0].equals("pom")) {
                module.project.setFile(folders.source.resolve(line[1]).toFile());
            }
        }
        for (Path file : ModuleResults.installedFiles(session, module.project, begin)) {
            EventLog.write("file", key, file.toString());
        }
        List<String> resolved = new ArrayList<>(Arrays.asList(key, Resolved.id(module.project)));
        for (String[] line : kept.lines) {
            if (line[0].equals("uses")) {
                resolved.add(line[1]);
            }
        }
        EventLog.write("resolved", resolved.toArray(new String[0]));
        String[] from = kept.from();
        EventLog.write("left", key, module.digest, from[1], from[2]);
    }

    static synchronized void succeeded(MavenProject project) throws IOException {
        String key = EventLog.key(project);
        if (modules == null || !STARTED.containsKey(key)) {
            return;
        }
        RUNNING.remove(key);
        ModuleReads module = modules.get(key);
        String problem = module.unknown ? "" : module.changedInput();
        if (!problem.isEmpty()) {
            distrust(key, "its build changed " + problem);
        }
        for (ModuleReads needed : module.needs) {
            if (UNKNOWN.contains(needed.key)) {
                distrust(key, "");
            }
        }
        if (!module.open.isEmpty() && !UNKNOWN.contains(key)) {
            String elsewhere = wroteElsewhere(module);
            if (!elsewhere.isEmpty()) {
                distrust(key, "writes " + elsewhere);
            }
        }
        if (module.unknown) {
            UNKNOWN.add(key);
        }
        if (!UNKNOWN.contains(key)) {
            String notKept = store.keep(module, new ModuleResults(module, session, folders, STARTED.get(key)));
            if (!notKept.isEmpty()) {
                EventLog.write("open", key, notKept);
            }
        }
    }

    private static void distrust(String key, String why) throws IOException {
        if (UNKNOWN.add(key) && !why.isEmpty() && modules.get(key).open.isEmpty()) {
            EventLog.write("open", key, why);
        }
    }

    /** A file outside its folder that an open module wrote; "" if none. */
    private static String wroteElsewhere(ModuleReads module) throws IOException {
        Set<Path> others = new HashSet<>();
        for (ModuleReads other : modules.values()) {
            if (PUT_BACK.containsKey(other.key) || TOGETHER.get(module.key).contains(other.key)) {
                others.add(other.base);
                others.add(other.target);
            }
        }
        others.add(module.target);
        others.add(folders.start.resolve(".mvn/target"));
        Map<Path, String> files = Tree.list(folders.source, folder -> others.contains(folder)
                && !folder.equals(folders.source) || folder.endsWith("project-local-repo"));
        for (Path file : files.keySet()) {
            boolean own = folders.isOf(module.base, file) && !module.isRoot;
            if (!own && Tree.changed(file).compareTo(STARTED.get(module.key)) >= 0) {
                return folders.source.relativize(file).toString();
            }
        }
        return "";
    }

    /** Puts back the rest, and writes an event for each module that was left out and should not have been. */
    static synchronized void ended(boolean failed) throws IOException {
        if (modules == null) {
            return;
        }
        if (!failed) {
            for (String key : modules.keySet()) {
                putBack(key);
            }
        }
        for (Map.Entry<String, Map<Path, String>> each : PUT_BACK.entrySet()) {
            String changed = changed(modules.get(each.getKey()), each.getValue());
            if (!changed.isEmpty()) {
                EventLog.write("stale", each.getKey(), changed);
            }
        }
    }

    private static String changed(ModuleReads module, Map<Path, String> restored) throws IOException {
        Map<Path, String> now = module.listFolder();
        for (Map.Entry<Path, String> file : restored.entrySet()) {
            if (!file.getValue().equals(now.get(file.getKey()))) {
                return folders.source.relativize(file.getKey()).toString();
            }
        }
        for (Path file : now.keySet()) {
            if (!module.isRoot && !restored.containsKey(file) && !module.before.containsKey(file)) {
                return folders.source.relativize(file).toString();
            }
        }
        return module.changedInput();
    }
}
