package buildcoordination;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.maven.model.Build;
import org.apache.maven.model.Model;
import org.apache.maven.model.Plugin;
import org.apache.maven.model.io.xpp3.MavenXpp3Writer;

/** The paths that an effective model names besides the module's own folder. */
final class ModelPaths {
    private static final Pattern URL = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s<>\"',;]*");
    private static final Pattern TEXT = Pattern.compile(">([^<>]+)<");
    private static final Pattern WORD = Pattern.compile("[^\\s,;:=|\"'()]+");
    private static final Path JAVA_HOME = Paths.get(System.getProperty("java.home"));

    /** Existing files and folders inside the source, and files outside it. */
    final Set<Path> named = new TreeSet<>();
    /** Why what the module reads cannot be known; empty if it can. */
    String unknown = "";

    private final Folders folders;
    private final Path base;
    private final boolean isRoot;

    private ModelPaths(Folders folders, Path base, boolean isRoot) {
        this.folders = folders;
        this.base = base;
        this.isRoot = isRoot;
    }

    /** `isRoot`: only the files that the model names count as the module's own. */
    static ModelPaths of(Model effective, Path parent, Folders folders, Path base, boolean isRoot)
            throws IOException {
        ModelPaths paths = new ModelPaths(folders, base, isRoot);
        Model model = effective.clone();
        keepBuild(model);
        List<String> words = new ArrayList<>();
        Matcher texts = TEXT.matcher(URL.matcher(folders.resolved(text(model), parent)).replaceAll(" "));
        while (texts.find()) {
            String value = texts.group(1).replace("&quot;", "\"").replace("&apos;", "'").trim();
            words.add(value);
            Matcher inner = WORD.matcher(value);
            while (inner.find()) {
                if (inner.group().contains("/")) {
                    words.add(inner.group());
                }
            }
        }
        for (String word : words) {
            paths.add(word);
            paths.addBelowStart(word);
        }
        return paths;
    }

    static String text(Model model) throws IOException {
        StringWriter writer = new StringWriter();
        new MavenXpp3Writer().write(writer, model);
        return writer.toString();
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

    private void unknown(String why) {
        unknown = unknown.isEmpty() ? why : unknown;
    }

    private void add(String word) {
        if (word.contains("${session.") || word.contains("${project.parent.b")) {
            unknown("names " + word);
            return;
        }
        boolean leads = word.equals("..") || word.startsWith("../") || word.contains("/../")
                || word.startsWith("/") || word.endsWith("/..");
        Path path = leads || word.contains("/") || isRoot ? path(base, word) : null;
        if (path == null || path.equals(folders.source) && !leads) {
            return;
        }
        if (!path.startsWith(folders.source)) {
            addOutside(path);
        } else if (folders.isOf(base, path)) {
            if (isRoot && Files.exists(path) && !path.equals(base)) {
                named.add(path);
            }
        } else {
            addInside(path);
        }
    }

    private void addInside(Path path) {
        String name = folders.source.relativize(path).toString();
        if (base.startsWith(path)) {
            unknown("reads the folder " + (name.isEmpty() ? "of the whole source" : name));
        } else if (folders.isBuilt(path)) {
            unknown("reads " + name + ", which is a result of the build");
        } else if (Files.exists(path)) {
            named.add(path);
        } else {
            unknown("names " + name + ", which does not exist yet");
        }
    }

    private void addOutside(Path path) {
        if (path.startsWith(JAVA_HOME) || path.getNameCount() < 2) {
            return;
        }
        if (Files.isRegularFile(path)) {
            named.add(path);
        } else if (Files.isDirectory(path) && !folders.source.startsWith(path)) {
            unknown("names the folder " + path);
        } else if (folders.source.startsWith(path)) {
            unknown("names the folder of the job");
        }
    }

    /** Plugins resolve some paths relative to the folder in which Maven was started. */
    private void addBelowStart(String word) {
        Path path = word.startsWith("/") || base.equals(folders.start) ? null : path(folders.start, word);
        if (path == null || !path.startsWith(folders.source) || base.startsWith(path)) {
            return;
        }
        boolean there = Files.isRegularFile(path) || word.contains("/") && Files.isDirectory(path);
        if (there && !folders.isOf(base, path) && !folders.isBuilt(path)) {
            named.add(path);
        }
    }

    private static Path path(Path from, String word) {
        try {
            return from.resolve(word).normalize();
        } catch (InvalidPathException error) {
            return null;
        }
    }
}
