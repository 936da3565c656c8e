package buildcoordination;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.model.Dependency;
import org.apache.maven.model.Plugin;
import org.apache.maven.model.PluginExecution;
import org.apache.maven.project.MavenProject;

/**
 * The inputs of a module: its surroundings, its effective model, its folder, the paths outside it that
 * the model names, and the modules that it needs. A module that may have further inputs is open.
 */
final class ModuleReads {
    /** Of org.apache.maven.plugins: they read only the files in their configuration and the class path. */
    private static final Set<String> PURE = new HashSet<>(Arrays.asList("maven-checkstyle-plugin",
            "maven-clean-plugin", "maven-compiler-plugin", "maven-failsafe-plugin", "maven-install-plugin",
            "maven-jar-plugin", "maven-remote-resources-plugin", "maven-resources-plugin", "maven-shade-plugin",
            "maven-source-plugin", "maven-surefire-plugin", "maven-war-plugin"));
    private static final List<String> ATTACHES_ITS_DESCRIPTOR = Collections.singletonList("attach-descriptor");
    private static final Set<String> LATER_PHASES = new HashSet<>(Arrays.asList("none", "deploy", "pre-site", "site",
            "post-site", "site-deploy"));

    private static final String DATE = "project.build.outputTimestamp";

    final MavenProject project;
    final String key;
    final Path base;
    final Path pom;
    final Path target;
    /** The modules of this session that it needs, its parents too. */
    final List<ModuleReads> needs = new ArrayList<>();
    /** What it is built from, each with a digest; the digest of all of it is `digest`. */
    final Map<String, String> parts = new TreeMap<>();
    String digest;
    /** Why `parts` may be incomplete; empty if they are complete. */
    String open = "";
    /** Whether what is missing can differ in the same tree: then its results are kept nowhere. */
    boolean unknown;
    /** Whether only this job may use its results: it or a module that it needs is open. */
    boolean ofThisJob;
    /** The files of `parts`, each with a text that changes when it does. */
    final Map<Path, String> inputs = new TreeMap<>();
    /** All files of its folder before it was built. */
    final Map<Path, String> before = new TreeMap<>();

    /** Whether its folder is the source, of which it reads only what its model names. */
    final boolean isRoot;

    /** Files of Maven 4: a consumer POM from before a module starts until Maven ends, and what `-r` needs. */
    private static final Pattern OF_MAVEN = Pattern.compile("consumer-?\\d+\\.pom|resume\\.properties");

    private final MavenSession session;
    private final Folders folders;
    private final Settings settings;
    private final List<Path> tops = new ArrayList<>();

    private ModuleReads(MavenProject project, MavenSession session, Folders folders, Settings settings) {
        this.project = project;
        this.session = session;
        this.folders = folders;
        this.settings = settings;
        key = EventLog.key(project);
        base = project.getBasedir().toPath();
        pom = project.getFile().toPath().normalize();
        target = Folders.target(project);
        isRoot = project.getPackaging().equals("pom") && base.equals(folders.source);
    }

    /** `earlier` has the modules before it. */
    static ModuleReads of(MavenProject project, MavenSession session, Folders folders, Settings settings,
            Map<String, String> surroundings, Map<String, ModuleReads> earlier) throws IOException {
        ModuleReads module = new ModuleReads(project, session, folders, settings);
        module.parts.putAll(surroundings);
        if (project.getProperties().containsKey(DATE) || session.getUserProperties().containsKey(DATE)) {
            // Plugins that date files use this one only if they are told no other.
            module.parts.remove(Surroundings.ENVIRONMENT + "SOURCE_DATE_EPOCH");
        }
        module.parts.put("its effective model", Tree.digest(settings.without(ModelPaths.text(project.getModel()))));
        module.openByPlugins();
        module.openBySnapshots();
        module.findTops();
        module.needOthers(earlier);
        if (Files.exists(folders.start.resolve(".mvn/extensions.xml"))) {
            module.open(".mvn/extensions.xml adds code to Maven");
        }
        module.inputs.putAll(module.listInputs());
        module.before.putAll(module.listFolder());
        for (Path file : module.inputs.keySet()) {
            module.addFile(file);
        }
        if (!module.open.isEmpty()) {
            module.ofThisJob = true;
            module.parts.put("another file or ref of the source", wholeSource(folders.source));
        }
        for (ModuleReads needed : module.needs) {
            module.parts.put("module " + needed.key, needed.digest);
            module.ofThisJob |= needed.ofThisJob;
        }
        module.digest = Tree.digest(module.parts.toString());
        return module;
    }

    private static String sourceDigest;

    /** An open module can read everything, and ask git for the names of its commit. */
    private static synchronized String wholeSource(Path source) throws IOException {
        if (sourceDigest == null) {
            StringBuilder text = new StringBuilder();
            for (Path file : Tree.list(source, folder -> false).keySet()) {
                text.append(source.relativize(file)).append('\n').append(Tree.describe(file)).append('\n');
            }
            Path git = source.resolve(".git");
            for (String name : new String[] {"HEAD", "packed-refs", "refs"}) {
                for (Path file : Tree.list(git.resolve(name), folder -> false).keySet()) {
                    text.append(git.relativize(file)).append('\n').append(Tree.describe(file)).append('\n');
                }
            }
            sourceDigest = Tree.digest(text.toString());
        }
        return sourceDigest;
    }

    /** The present state of the files in `parts`. */
    Map<Path, String> listInputs() throws IOException {
        Map<Path, String> found = new TreeMap<>();
        for (Path top : tops) {
            boolean own = folders.isOf(base, top) || top.equals(target);
            found.putAll(Tree.list(top, folder -> own ? isSkipped(folder) : folders.isBuilt(folder)));
        }
        return found;
    }

    /** The present state of all files in its own folder and its build folder, without those of Maven itself. */
    Map<Path, String> listFolder() throws IOException {
        Map<Path, String> found = Tree.list(base, folder -> folders.isOfOther(base, key, folder));
        if (!target.startsWith(base)) {
            found.putAll(Tree.list(target, folder -> folders.isOfOther(base, key, folder)));
        }
        found.keySet().removeIf(file -> file.getParent().equals(target)
                && OF_MAVEN.matcher(file.getFileName().toString()).matches());
        return found;
    }

    /** Maven removes its build folder before it builds. */
    private boolean isCleaned() {
        return session.getGoals().contains("clean");
    }

    private boolean isSkipped(Path folder) {
        return folders.isOfOther(base, key, folder) || isCleaned() && folder.equals(target);
    }

    /** A file that is not in the folder as it was before; "" if none. Its own results are new. */
    String changedInput() throws IOException {
        Map<Path, String> now = listInputs();
        for (Map.Entry<Path, String> input : inputs.entrySet()) {
            boolean result = input.getKey().startsWith(target);
            if (!result && !input.getValue().equals(now.get(input.getKey()))) {
                return name(input.getKey());
            }
        }
        for (Path file : now.keySet()) {
            if (!inputs.containsKey(file) && !folders.isOf(base, file) && !file.startsWith(target)) {
                return name(file);
            }
        }
        return "";
    }

    /** A file that appeared in its folder before it was built, or changed; "" if none. */
    String disturbed() throws IOException {
        for (Path file : listFolder().keySet()) {
            if (!isRoot && !before.containsKey(file)) {
                return name(file);
            }
        }
        return changedInput();
    }

    private String name(Path file) {
        return file.startsWith(folders.source) ? folders.source.relativize(file).toString() : file.toString();
    }

    private void open(String why) {
        open = open.isEmpty() ? why : open;
    }

    private void findTops() throws IOException {
        if (isRoot) {
            // Its folder has the files of everybody, such as debian/.
            tops.addAll(Arrays.asList(pom, base.resolve("src")));
        } else {
            tops.add(base);
        }
        if (!isCleaned()) {
            tops.add(target);
        }
        Path parent = project.getParent() == null || project.getParent().getBasedir() == null
                ? null : project.getParent().getBasedir().toPath();
        ModelPaths paths = ModelPaths.of(project.getModel(), parent, folders, base, isRoot);
        List<String> declared = declaredInputs();
        if (declared != null) {
            for (String input : declared) {
                tops.add(folders.source.resolve(input).normalize());
            }
        } else if (!paths.unknown.isEmpty()) {
            open(paths.unknown);
            unknown = true;
        }
        tops.addAll(paths.named);
        if (!base.startsWith(folders.source) || !target.startsWith(folders.source)) {
            open("its folder is not in the source");
            unknown = true;
        }
        if (!key.equals(folders.owner(target))) {
            open("has the build folder of " + folders.owner(target));
            unknown = true;
        }
    }

    private void addFile(Path file) throws IOException {
        parts.put("file " + name(file), Tree.describe(file));
        if (Files.isSymbolicLink(file)) {
            Path to = file.getParent().resolve(Files.readSymbolicLink(file)).normalize();
            if (!folders.isOf(base, to)) {
                open("link " + name(file) + " leads out of its folder");
                unknown = true;
            }
        }
    }

    private void needOthers(Map<String, ModuleReads> earlier) {
        for (MavenProject needed : session.getProjectDependencyGraph().getUpstreamProjects(project, false)) {
            needs.add(earlier.get(EventLog.key(needed)));
        }
        Map<String, MavenProject> others = new HashMap<>();
        for (MavenProject other : session.getAllProjects()) {
            others.put(EventLog.key(other), other);
        }
        for (Dependency dependency : project.getDependencies()) {
            String other = dependency.getGroupId() + ":" + dependency.getArtifactId();
            if (others.containsKey(other) && !earlier.containsKey(other)) {
                open("needs " + other + ", which this run of Maven does not build");
                unknown = true;
            }
        }
    }

    private void openByPlugins() {
        if (!project.getBuild().getExtensions().isEmpty()) {
            open("extension " + project.getBuild().getExtensions().get(0).getArtifactId());
        }
        for (Plugin plugin : project.getBuildPlugins()) {
            boolean known = plugin.getGroupId().equals("org.apache.maven.plugins")
                    && PURE.contains(plugin.getArtifactId());
            boolean declared = settings.purePlugins.contains(plugin.getArtifactId())
                    || settings.purePlugins.contains(plugin.getKey());
            boolean takesPart = plugin.isExtensions() || takesPart(plugin);
            if (!known && !declared && takesPart) {
                open(plugin.getArtifactId());
            }
            if (takesPart) {
                openByVersion(plugin.getKey(), plugin.getVersion());
                for (Dependency dependency : plugin.getDependencies()) {
                    openByVersion(dependency.getGroupId() + ":" + dependency.getArtifactId(), dependency.getVersion());
                }
            }
        }
    }

    private boolean takesPart(Plugin plugin) {
        for (PluginExecution execution : plugin.getExecutions()) {
            String phase = execution.getPhase();
            boolean later = phase != null
                    && (LATER_PHASES.contains(phase) || phase.endsWith("clean") && !isCleaned());
            boolean harmless = plugin.getKey().equals("org.apache.maven.plugins:maven-site-plugin")
                    && execution.getGoals().equals(ATTACHES_ITS_DESCRIPTOR);
            if (!later && !harmless && !execution.getGoals().isEmpty()) {
                return true;
            }
        }
        return false;
    }

    /** A snapshot of another repository, or a range, can resolve to another artifact each time. */
    private void openByVersion(String name, String version) {
        boolean moves = version == null || version.endsWith("-SNAPSHOT")
                || version.matches("[\\[(].*|LATEST|RELEASE");
        for (MavenProject other : session.getAllProjects()) {
            moves &= !(EventLog.key(other) + ":" + other.getVersion()).equals(name + ":" + version);
        }
        if (moves) {
            open("uses " + name + ":" + version);
        }
    }

    private void openBySnapshots() {
        for (Dependency dependency : project.getDependencies()) {
            openByVersion(dependency.getGroupId() + ":" + dependency.getArtifactId(), dependency.getVersion());
        }
    }

    private List<String> declaredInputs() {
        String folder = folders.source.relativize(base).toString();
        for (String name : new String[] {key, ":" + project.getArtifactId(), folder}) {
            if (settings.inputs.containsKey(name)) {
                return settings.inputs.get(name);
            }
        }
        return null;
    }
}
