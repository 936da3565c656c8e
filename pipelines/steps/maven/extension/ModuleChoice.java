package buildcoordination;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.inject.Named;
import javax.inject.Singleton;
import org.apache.maven.AbstractMavenLifecycleParticipant;
import org.apache.maven.MavenExecutionException;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/**
 * Skips the modules that were built before from the same inputs. The system property
 * buildcoordination.candidates names the list of them; without it every module is built.
 */
@Named
@Singleton
public final class ModuleChoice extends AbstractMavenLifecycleParticipant {
    @Override
    public void afterProjectsRead(MavenSession session) throws MavenExecutionException {
        String list = System.getProperty("buildcoordination.candidates");
        try {
            if (list != null && EventLog.open()) {
                choose(session, Candidates.read(Paths.get(list)));
            }
        } catch (IOException error) {
            throw new MavenExecutionException("cannot determine which modules are already built: " + error, error);
        }
    }

    private static void choose(MavenSession session, Candidates candidates) throws IOException {
        EventLog.plan(session);
        Map<String, ModuleReads> modules = new LinkedHashMap<>();
        for (MavenProject project : session.getProjects()) {
            ModuleReads module = ModuleReads.of(project, session, candidates, modules);
            String key = EventLog.key(project);
            modules.put(key, module);
            EventLog.write("digest", key, module.digest);
            for (Path path : module.outside) {
                EventLog.write("reads", key, path.toString());
            }
            if (!module.open.isEmpty()) {
                EventLog.write("open", key, module.open);
            }
        }
        Set<String> built = toBuild(modules, candidates);
        List<MavenProject> rest = new ArrayList<>();
        for (MavenProject project : session.getProjects()) {
            String key = EventLog.key(project);
            if (built.contains(key)) {
                rest.add(project);
                removeStale(key, modules, candidates, built);
            } else {
                leaveOut(key, candidates.modules.get(key));
            }
        }
        session.setProjects(rest);
        WrittenFiles.watch(session, modules);
    }

    /** Keys of the modules that might differ from a build from scratch. */
    private static Set<String> toBuild(Map<String, ModuleReads> modules, Candidates candidates) {
        Set<String> built = new HashSet<>();
        int before;
        do {
            before = built.size();
            for (Map.Entry<String, ModuleReads> entry : modules.entrySet()) {
                if (isBuilt(entry.getKey(), entry.getValue(), modules, candidates, built)) {
                    built.add(entry.getKey());
                }
            }
        } while (built.size() > before);
        if (built.isEmpty()) {
            built.add(harmless(modules));
        }
        return built;
    }

    /** Maven does not run without a module; this one makes nothing new for any other. */
    private static String harmless(Map<String, ModuleReads> modules) {
        String last = "";
        for (Map.Entry<String, ModuleReads> entry : modules.entrySet()) {
            if (entry.getValue().open.isEmpty()) {
                return entry.getKey();
            }
            last = entry.getKey();
        }
        return last;
    }

    private static boolean isBuilt(String key, ModuleReads module, Map<String, ModuleReads> modules,
            Candidates candidates, Set<String> built) {
        Candidates.Module known = candidates.modules.get(key);
        if (known == null || !module.digest.equals(known.digest)
                || known.ofAnotherJob && !module.open.isEmpty()) {
            return true;
        }
        return readsWhatIsBuilt(key, module, modules, candidates, built);
    }

    private static boolean readsWhatIsBuilt(String key, ModuleReads module, Map<String, ModuleReads> modules,
            Candidates candidates, Set<String> built) {
        for (String needed : module.needs) {
            // The results of an open module can differ each time.
            if (built.contains(needed) && !modules.get(needed).open.isEmpty()) {
                return true;
            }
        }
        for (String writer : candidates.writersInto(key)) {
            if (built.contains(writer)) {
                return true;
            }
        }
        return false;
    }

    /** Removes files that a module made from other inputs: plugins use any file that is new enough. */
    private static void removeStale(String key, Map<String, ModuleReads> modules, Candidates candidates,
            Set<String> built) throws IOException {
        Candidates.Module known = candidates.modules.get(key);
        Candidates.Module begun = candidates.begun.get(key);
        ModuleReads module = modules.get(key);
        boolean stale = begun != null && (!begun.digest.equals(module.digest)
                || readsWhatIsBuilt(key, module, modules, candidates, built));
        if (stale || known != null && !known.ofAnotherJob) {
            removeFolder(module.target);
        }
    }

    private static void removeFolder(Path top) throws IOException {
        if (!Files.isDirectory(top, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(top, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException error) throws IOException {
                Files.delete(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void leaveOut(String key, Candidates.Module known) throws IOException {
        if (known.ofAnotherJob) {
            copy(key, known);
        }
        EventLog.write("left", key, known.from);
        BuiltModules.add(known.files);
    }

    private static void copy(String key, Candidates.Module known) throws IOException {
        if (Files.isDirectory(known.otherTarget)) {
            copyFolder(known.otherTarget, known.target);
        }
        EventLog.write("started", key);
        for (Candidates.File file : known.files) {
            if (!Files.exists(file.made)) {
                copyFile(file.otherMade, file.made);
            }
            copyFile(file.otherInstalled, file.installed);
            // A POM was checked out anew: Maven gives the installed one that time.
            Files.setLastModifiedTime(file.installed, Files.getLastModifiedTime(file.made));
            EventLog.write("file", key, file.made.toString(), file.installed.toString(),
                    String.valueOf(Files.size(file.made)), String.valueOf(file.made.toFile().lastModified()));
        }
        EventLog.write("target", key, WrittenFiles.listing(known.target));
        EventLog.write("succeeded", key);
    }

    private static void copyFolder(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) throws IOException {
                Files.createDirectories(to.resolve(from.relativize(folder)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                copyFile(file, to.resolve(from.relativize(file)));
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void copyFile(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from, to, StandardCopyOption.COPY_ATTRIBUTES, StandardCopyOption.REPLACE_EXISTING,
                LinkOption.NOFOLLOW_LINKS);
    }
}
