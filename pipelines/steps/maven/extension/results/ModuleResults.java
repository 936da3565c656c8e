package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/** What a module has made, as lines and contents of a KeptModule. */
final class ModuleResults {
    private static final Pattern BOOKKEEPING = Pattern.compile("_remote\\.repositories|maven-metadata.*"
            + "|resolver-status\\.properties|.*\\.lastUpdated");
    private static final Pattern ARCHIVE = Pattern.compile(".*\\.([jwe]ar|zip|gz)");

    final List<String> lines = new ArrayList<>();
    final List<Path> contents = new ArrayList<>();
    /** Why they cannot be kept; empty if they can. */
    String problem = "";

    private final ModuleReads module;
    private final MavenSession session;
    private final Folders folders;
    private final FileTime start;

    ModuleResults(ModuleReads module, MavenSession session, Folders folders, FileTime start) {
        this.module = module;
        this.session = session;
        this.folders = folders;
        this.start = start;
    }

    void collect() throws IOException {
        addFolders();
        for (Path file : module.listFolder().keySet()) {
            boolean made = file.startsWith(module.target) || !module.isRoot && !module.before.containsKey(file);
            if (made) {
                addFile(file);
            }
        }
        addArtifacts();
        for (Path file : installed(session, module.project, start)) {
            line("installed", repository(session).relativize(file).toString());
            contents.add(file);
        }
        addResolved();
    }

    private void line(String... fields) {
        for (String field : fields) {
            if (field.indexOf('\n') >= 0 || field.indexOf('\t') >= 0) {
                problem = "has a file with a tab or a line feed in its name";
            }
        }
        lines.add(String.join("\t", fields));
    }

    private String relative(Path path) {
        return folders.source.relativize(path).toString();
    }

    private void addFolders() throws IOException {
        if (!Files.isDirectory(module.target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(module.target, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) throws IOException {
                if (folders.isOfOther(module.base, module.key, folder)) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                line("folder", mode(folder), relative(folder));
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private void addFile(Path file) throws IOException {
        if (Files.isSymbolicLink(file)) {
            Path to = Files.readSymbolicLink(file);
            if (to.isAbsolute()) {
                problem = "makes a link to " + to;
            }
            line("link", to.toString(), relative(file));
        } else if (Files.isRegularFile(file)) {
            long time = Files.getLastModifiedTime(file).toMillis();
            line("file", mode(file), time >= oldest() ? KeptModule.BUILT : String.valueOf(time), relative(file));
            contents.add(file);
            if (!module.ofThisJob && mayBePacked(file) && names(file, folders.source)) {
                problem = "writes the path of the job into " + relative(file);
            }
        }
    }

    /** Packages get no time that is newer than this one, and a build from scratch gives newer ones. */
    private long oldest() {
        String epoch = System.getenv("SOURCE_DATE_EPOCH");
        return epoch != null && epoch.matches("\\d{1,12}") ? Long.parseLong(epoch) * 1000
                : session.getStartTime().getTime();
    }

    private boolean mayBePacked(Path file) {
        String folder = module.target.relativize(file).getName(0).toString();
        boolean report = folder.matches(".*-reports|maven-status|checkstyle-.*");
        return !ARCHIVE.matcher(file.toString()).matches() && !(file.startsWith(module.target) && report);
    }

    private static boolean names(Path file, Path folder) throws IOException {
        String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        byte[] name = folder.toString().getBytes(StandardCharsets.UTF_8);
        return text.contains(new String(name, StandardCharsets.ISO_8859_1));
    }

    private void addArtifacts() {
        Path pom = module.project.getFile().toPath().normalize();
        if (!pom.equals(module.pom)) {
            // Such as the one without the shaded dependencies: it counts for the modules that need this one.
            if (pom.getParent().equals(module.base)) {
                line("pom", relative(pom));
            } else {
                problem = "has its POM outside its folder: " + pom;
            }
        }
        File main = module.project.getArtifact().getFile();
        if (main != null) {
            addArtifact(main, "main");
        }
        for (Artifact attached : module.project.getAttachedArtifacts()) {
            if (!isConsumerPom(attached)) {
                String classifier = attached.getClassifier() == null ? "" : attached.getClassifier();
                addArtifact(attached.getFile(), "attached", attached.getType(), classifier);
            }
        }
    }

    private void addArtifact(File file, String... what) {
        Path path = file.toPath().normalize();
        boolean own = path.startsWith(module.target) || folders.isOf(module.base, path);
        if (!own || !file.isFile()) {
            problem = "has an artifact outside its folder: " + path;
            return;
        }
        List<String> fields = new ArrayList<>(Arrays.asList(what));
        fields.add(relative(path));
        line(fields.toArray(new String[0]));
    }

    private static boolean isConsumerPom(Artifact artifact) {
        return artifact.getType().equals("pom") && "consumer".equals(artifact.getClassifier());
    }

    /** What other repositories gave to it: it is built again when one of them gives another content. */
    private void addResolved() throws IOException {
        for (String item : Resolved.items(session, module.project)) {
            line("uses", item);
        }
        for (Artifact artifact : Resolved.of(module.project)) {
            File file = artifact.getFile();
            if (file == null || !file.isFile() || !file.toPath().startsWith(repository(session))) {
                continue;
            }
            boolean ofSource = Resolved.isOfSource(session, artifact);
            if (artifact.isSnapshot() && !ofSource) {
                problem = "depends on the snapshot " + artifact.getId();
            }
            if (!ofSource) {
                String name = repository(session).relativize(file.toPath()).toString();
                line("resolved", name, Tree.digest(file.toPath()));
            }
        }
    }

    static Path repository(MavenSession session) {
        return new File(session.getLocalRepository().getBasedir()).toPath();
    }

    /** The files that were installed for a module since `start`, without Maven's own records. */
    static List<Path> installedFiles(MavenSession session, MavenProject project, FileTime start) throws IOException {
        List<Path> found = installed(session, project, start);
        found.removeIf(file -> BOOKKEEPING.matcher(file.getFileName().toString()).matches());
        return found;
    }

    private static List<Path> installed(MavenSession session, MavenProject project, FileTime start)
            throws IOException {
        Path folder = repository(session).resolve(project.getGroupId().replace('.', '/'))
                .resolve(project.getArtifactId());
        List<Path> found = new ArrayList<>();
        for (Path place : new Path[] {folder, folder.resolve(project.getVersion())}) {
            if (Files.isDirectory(place)) {
                try (Stream<Path> files = Files.list(place)) {
                    for (Path file : (Iterable<Path>) files::iterator) {
                        if (Files.isRegularFile(file) && Tree.changed(file).compareTo(start) >= 0) {
                            found.add(file);
                        }
                    }
                }
            }
        }
        Collections.sort(found);
        return found;
    }
}
