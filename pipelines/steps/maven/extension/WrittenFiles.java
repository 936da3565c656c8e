package buildcoordination;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/** Records the files that modules write outside their build folders. */
final class WrittenFiles {
    /** Files of Maven 4 itself: a consumer POM until Maven ends, and what `-r` needs after a failure. */
    private static final Pattern OF_MAVEN = Pattern.compile("consumer-?\\d+\\.pom|resume\\.properties");
    private static final Map<String, FileTime> STARTED = new ConcurrentHashMap<>();
    private static Map<String, ModuleReads> modules;
    private static Path root;

    private WrittenFiles() {}

    static void watch(MavenSession session, Map<String, ModuleReads> found) {
        root = ModuleReads.root(session);
        modules = found;
    }

    static void started(MavenProject project) throws IOException {
        if (modules != null) {
            // The time of the file system itself, which can be behind Java's clock.
            Path marker = Files.createTempFile(
                    Paths.get(System.getProperty("buildcoordination.events")).toAbsolutePath().getParent(), "", "");
            STARTED.put(EventLog.key(project), changed(marker));
            Files.delete(marker);
        }
    }

    static void succeeded(MavenProject project) throws IOException {
        String key = EventLog.key(project);
        ModuleReads module = modules == null ? null : modules.get(key);
        if (module == null || !STARTED.containsKey(key)) {
            return;
        }
        boolean everywhere = !module.open.isEmpty() || !module.outside.isEmpty();
        List<Path> written = newer(everywhere ? root : module.base, module, everywhere, STARTED.get(key));
        for (Path path : written) {
            EventLog.write("wrote", key, path.toString(), String.valueOf(Files.size(path)),
                    String.valueOf(path.toFile().lastModified()));
            if (module.open.isEmpty() && !path.startsWith(module.base)) {
                EventLog.write("open", key, "writes " + root.relativize(path));
            }
        }
        EventLog.write("target", key, listing(module.target));
    }

    private static List<Path> newer(Path top, ModuleReads module, boolean everywhere, FileTime start)
            throws IOException {
        List<Path> found = new ArrayList<>();
        Set<Path> others = new HashSet<>();
        if (!everywhere) {
            for (ModuleReads other : modules.values()) {
                others.add(other.base);
                others.add(other.target);
            }
        }
        Files.walkFileTree(top, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                boolean skipped = folder.equals(module.target) || folder.endsWith(".git")
                        || folder.equals(root.resolve(".mvn/target"))
                        || !folder.equals(top) && others.contains(folder);
                return skipped ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (attributes.isRegularFile() && changed(file).compareTo(start) > 0) {
                    found.add(file);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException error) {
                return FileVisitResult.CONTINUE; // another module, which is built at once, removed it
            }
        });
        return found;
    }

    private static FileTime changed(Path file) throws IOException {
        // Not the time of the last modification, which a copy keeps.
        return (FileTime) Files.getAttribute(file, "unix:ctime", LinkOption.NOFOLLOW_LINKS);
    }

    /** Digest of names, sizes and times of all files below `folder`, the same as in candidates.py. */
    static String listing(Path folder) throws IOException {
        Set<String> lines = new TreeSet<>();
        if (Files.isDirectory(folder)) {
            Files.walkFileTree(folder, new SimpleFileVisitor<Path>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    if (OF_MAVEN.matcher(folder.relativize(file).toString()).matches()) {
                        return FileVisitResult.CONTINUE;
                    }
                    long time = attributes.lastModifiedTime().toMillis();
                    lines.add(folder.relativize(file) + "\t" + attributes.size() + "\t" + time + "\n");
                    return FileVisitResult.CONTINUE;
                }
            });
        }
        ModuleReads.Digest digest = new ModuleReads.Digest();
        for (String line : lines) {
            digest.add(line);
        }
        return digest.hex();
    }
}
