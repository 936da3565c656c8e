package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Year;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.model.Build;
import org.apache.maven.model.Dependency;
import org.apache.maven.model.Model;
import org.apache.maven.model.Plugin;
import org.apache.maven.model.PluginExecution;
import org.apache.maven.model.io.xpp3.MavenXpp3Writer;
import org.apache.maven.project.MavenProject;

/**
 * The inputs of a module: its effective model, its folder, the paths outside it that the model names,
 * and the modules that it needs. A module that may have further inputs is open.
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
    private static final Pattern URL = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s<>\"',;]*");
    private static final Pattern TEXT = Pattern.compile(">([^<>]+)<");
    private static final Pattern WORD = Pattern.compile("[^\\s,;:=|\"'()]+");

    final Path base;
    final Path target;
    final List<String> needs = new ArrayList<>();
    /** The paths that the model names outside the module's folder and inside the source. */
    final Set<Path> outside = new TreeSet<>();
    String digest;
    /** Why it is open; empty if it is not. */
    String open = "";

    private final MavenProject project;
    private final MavenSession session;
    private final Path root;
    private final Set<Path> targets = new HashSet<>();
    private final Set<Path> bases = new HashSet<>();

    private ModuleReads(MavenProject project, MavenSession session) {
        this.project = project;
        this.session = session;
        root = root(session);
        base = project.getBasedir().toPath();
        target = new File(project.getBuild().getDirectory()).toPath();
        targets.add(root.resolve(".mvn/target")); // Maven 4 copies artifacts there
        for (MavenProject other : session.getAllProjects()) {
            targets.add(new File(other.getBuild().getDirectory()).toPath());
            bases.add(other.getBasedir().toPath());
        }
    }

    static Path root(MavenSession session) {
        return session.getRequest().getMultiModuleProjectDirectory().toPath();
    }

    /** `before` has the earlier modules. */
    static ModuleReads of(MavenProject project, MavenSession session, Candidates candidates,
            Map<String, ModuleReads> before) throws IOException {
        ModuleReads module = new ModuleReads(project, session);
        Model model = project.getModel();
        module.openByPlugins(candidates.purePlugins);
        module.openBySnapshots();
        List<String> inputs = module.declaredInputs(candidates);
        module.findPaths(model, inputs != null);
        if (inputs != null) {
            for (String input : inputs) {
                module.outside.add(module.root.resolve(input).normalize());
            }
        }
        Digest digest = new Digest();
        digest.add(text(model).replace(module.root.toString(), "${root}"));
        digest.add(Year.now().toString()); // maven-remote-resources-plugin writes it into NOTICE files
        module.addTree(digest, module.root.resolve(".mvn"), Collections.emptySet());
        for (File file : new File[] {session.getRequest().getUserSettingsFile(),
                session.getRequest().getGlobalSettingsFile(), session.getRequest().getUserToolchainsFile()}) {
            if (file != null && file.isFile()) {
                digest.add(Files.readAllBytes(file.toPath()));
            }
        }
        if (Files.exists(module.root.resolve(".mvn/extensions.xml"))) {
            module.open(".mvn/extensions.xml adds code to Maven");
        }
        Set<Path> nested = new HashSet<>(module.bases);
        nested.remove(module.base);
        module.addTree(digest, module.base, nested);
        for (Path path : new ArrayList<>(module.outside)) {
            module.addTree(digest, path, Collections.emptySet());
        }
        for (MavenProject needed : session.getProjectDependencyGraph().getUpstreamProjects(project, false)) {
            String key = EventLog.key(needed);
            module.needs.add(key);
            digest.add(key + before.get(key).digest);
        }
        module.digest = digest.hex();
        return module;
    }

    private void open(String why) {
        open = open.isEmpty() ? why : open;
    }

    /** Like `open`, unless the options declare what the module reads outside its folder. */
    private void openByPath(boolean declared, String why) {
        open(declared ? "" : why);
    }

    private void openByPlugins(Set<String> purePlugins) {
        if (!project.getBuild().getExtensions().isEmpty()) {
            open("extension " + project.getBuild().getExtensions().get(0).getArtifactId());
        }
        for (Plugin plugin : project.getBuildPlugins()) {
            boolean known = plugin.getGroupId().equals("org.apache.maven.plugins")
                    && PURE.contains(plugin.getArtifactId());
            boolean declared = purePlugins.contains(plugin.getArtifactId())
                    || purePlugins.contains(plugin.getKey());
            if (!known && !declared && (plugin.isExtensions() || takesPart(plugin))) {
                open(plugin.getArtifactId());
            }
        }
    }

    private boolean takesPart(Plugin plugin) {
        boolean cleans = session.getGoals().contains("clean");
        for (PluginExecution execution : plugin.getExecutions()) {
            String phase = execution.getPhase();
            boolean later = phase != null && (LATER_PHASES.contains(phase) || phase.endsWith("clean") && !cleans);
            boolean harmless = plugin.getKey().equals("org.apache.maven.plugins:maven-site-plugin")
                    && execution.getGoals().equals(ATTACHES_ITS_DESCRIPTOR);
            if (!later && !harmless && !execution.getGoals().isEmpty()) {
                return true;
            }
        }
        return false;
    }

    /** A snapshot of another repository, or a range, can resolve to another artifact each time. */
    private void openBySnapshots() {
        Set<String> own = new HashSet<>();
        for (MavenProject other : session.getAllProjects()) {
            own.add(EventLog.key(other) + ":" + other.getVersion());
        }
        for (Dependency dependency : project.getDependencies()) {
            String key = dependency.getGroupId() + ":" + dependency.getArtifactId() + ":" + dependency.getVersion();
            String version = String.valueOf(dependency.getVersion());
            boolean moves = version.endsWith("-SNAPSHOT") || version.matches("[\\[(].*|LATEST|RELEASE");
            if (moves && !own.contains(key)) {
                open("depends on " + key);
            }
        }
    }

    private List<String> declaredInputs(Candidates candidates) {
        String folder = root.relativize(base).toString();
        for (String name : new String[] {EventLog.key(project), ":" + project.getArtifactId(), folder}) {
            if (candidates.inputs.containsKey(name)) {
                return candidates.inputs.get(name);
            }
        }
        return null;
    }

    /** Collects the paths that the model names outside the folder. `declared`: the options list them. */
    private void findPaths(Model effective, boolean declared) throws IOException {
        Model model = effective.clone();
        List<String> rootWords = new ArrayList<>();
        keepBuild(model);
        Matcher texts = TEXT.matcher(URL.matcher(resolved(text(model))).replaceAll(" "));
        while (texts.find()) {
            String value = texts.group(1).replace("&quot;", "\"").replace("&apos;", "'").trim();
            addPath(value, declared);
            rootWords.add(value);
            Matcher words = WORD.matcher(value);
            while (words.find()) {
                if (words.group().contains("/")) {
                    addPath(words.group(), declared);
                    rootWords.add(words.group());
                }
            }
        }
        for (String word : rootWords) {
            addBelowRoot(word);
        }
    }

    /** Without parts that name no input file, or occur in the model a second time. */
    private static void keepBuild(Model model) {
        model.setParent(null);
        model.setModules(Collections.emptyList());
        model.setProfiles(Collections.emptyList());
        model.setDependencyManagement(null);
        model.getDependencies().removeIf(dependency -> dependency.getSystemPath() == null);
        model.setDistributionManagement(null);
        model.setReporting(null);
        model.setScm(null);
        model.setUrl(null);
        model.setCiManagement(null);
        model.setIssueManagement(null);
        model.setDescription(null);
        model.setName(null);
        model.setOrganization(null);
        model.setLicenses(Collections.emptyList());
        model.setDevelopers(Collections.emptyList());
        model.setMailingLists(Collections.emptyList());
        Build build = model.getBuild();
        build.setPluginManagement(null);
        for (Plugin plugin : new ArrayList<>(build.getPlugins())) {
            boolean maven = plugin.getGroupId().equals("org.apache.maven.plugins");
            if (maven && plugin.getArtifactId().equals("maven-site-plugin")) {
                build.removePlugin(plugin);
            }
        }
    }

    private String resolved(String text) {
        File parent = project.getParent() == null ? null : project.getParent().getBasedir();
        String result = text.replace("${session.executionRootDirectory}", root.toString())
                .replace("${maven.multiModuleProjectDirectory}", root.toString());
        return parent == null ? result : result.replace("${project.parent.basedir}", parent.toString());
    }

    private void addPath(String word, boolean declared) throws IOException {
        if (word.contains("${session.") || word.contains("${project.parent.b")) {
            openByPath(declared, "names " + word);
            return;
        }
        boolean leads = word.equals("..") || word.startsWith("../") || word.contains("/../")
                || word.startsWith("/") || word.endsWith("/..");
        Path path = leads || word.contains("/") ? path(base, word) : null;
        if (path == null || !path.startsWith(root) || isOwn(path) || path.equals(root) && !leads) {
            return;
        }
        String name = root.relativize(path).toString();
        if (base.startsWith(path)) {
            openByPath(declared, "reads the folder " + (name.isEmpty() ? "of the whole source" : name));
        } else if (isBuiltBySomeone(path)) {
            openByPath(declared, "reads " + name + ", which is a result of the build");
        } else if (Files.exists(path)) {
            outside.add(path);
        } else {
            openByPath(declared, "names " + name + ", which does not exist yet");
        }
    }

    /** Plugins resolve some paths relative to the folder in which Maven was started. */
    private void addBelowRoot(String word) {
        Path path = word.startsWith("/") || base.equals(root) ? null : path(root, word);
        if (path == null || !path.startsWith(root) || base.startsWith(path)) {
            return;
        }
        boolean there = Files.isRegularFile(path) || word.contains("/") && Files.isDirectory(path);
        if (there && !isOwn(path) && !isBuiltBySomeone(path)) {
            outside.add(path);
        }
    }

    private static Path path(Path from, String word) {
        try {
            return from.resolve(word).normalize();
        } catch (InvalidPathException error) {
            return null;
        }
    }

    private boolean isOwn(Path path) {
        if (path.startsWith(target)) {
            return true;
        }
        Path inner = path;
        while (inner.startsWith(base)) {
            if (bases.contains(inner) && !inner.equals(base)) {
                return false;
            }
            inner = inner.getParent();
        }
        return path.startsWith(base);
    }

    private boolean isBuiltBySomeone(Path path) {
        for (Path built : targets) {
            if (path.startsWith(built)) {
                return true;
            }
        }
        return false;
    }

    /** Adds names, modes and contents below `top`, without results of the build. */
    private void addTree(Digest digest, Path top, Set<Path> without) throws IOException {
        digest.add(root.relativize(top) + "\n");
        if (!Files.exists(top)) {
            return;
        }
        Set<Path> files = new TreeSet<>();
        Files.walkFileTree(top, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                boolean skipped = without.contains(folder) || targets.contains(folder) || folder.endsWith(".git");
                return skipped ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                files.add(file);
                return FileVisitResult.CONTINUE;
            }
        });
        for (Path file : files) {
            digest.add("\n" + top.relativize(file) + (Files.isExecutable(file) ? " x " : " - "));
            if (Files.isSymbolicLink(file)) {
                addLink(digest, file);
            } else if (Files.isRegularFile(file)) {
                digest.add(Files.readAllBytes(file));
            }
        }
    }

    private void addLink(Digest digest, Path link) throws IOException {
        Path to = link.getParent().resolve(Files.readSymbolicLink(link)).normalize();
        digest.add(Files.readSymbolicLink(link).toString());
        if (!isOwn(to)) {
            open("link " + root.relativize(link) + " leads out of its folder");
        }
    }

    private static String text(Model model) throws IOException {
        StringWriter writer = new StringWriter();
        new MavenXpp3Writer().write(writer, model);
        return writer.toString();
    }

    /** SHA-256, each part with its length. */
    static final class Digest {
        private final MessageDigest sha;

        Digest() {
            try {
                sha = MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException error) {
                throw new IllegalStateException(error);
            }
        }

        void add(String text) {
            add(text.getBytes(StandardCharsets.UTF_8));
        }

        void add(byte[] bytes) {
            sha.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
            sha.update(bytes);
        }

        String hex() {
            StringBuilder text = new StringBuilder();
            for (byte one : sha.digest()) {
                text.append(String.format("%02x", one));
            }
            return text.toString();
        }
    }
}
