package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Where results of modules are kept: those of this job, and those that all jobs share; store.py has the layout. */
final class ModuleStore {
    private static final List<String> REASONS = Arrays.asList("file ", "its ", "property ", "pure_plugins",
            "the goals", "the profiles", "environment ", "Maven", "Java ", "the year", "module ");
    private final Settings settings;
    private final Path repository;

    ModuleStore(Settings settings, File repository) {
        this.settings = settings;
        this.repository = repository.toPath();
    }

    /** Null if nothing complete is kept that was made from the same inputs. */
    KeptModule find(ModuleReads module) throws IOException {
        for (Path folder : folders(module, false)) {
            for (Path file : files(folder)) {
                if (file.getFileName().toString().startsWith(module.digest + "-")) {
                    KeptModule kept = opened(file);
                    if (kept != null && isResolvedAsThen(kept)) {
                        return kept;
                    }
                }
            }
        }
        return null;
    }

    private static KeptModule opened(Path file) throws IOException {
        try {
            return KeptModule.open(file);
        } catch (NoSuchFileException removed) {
            return null; // by another job, which has a complete one
        }
    }

    /** Downloads that are here already must have the content that the module was built with. */
    private boolean isResolvedAsThen(KeptModule kept) throws IOException {
        for (String[] line : kept.lines) {
            if (line[0].equals("resolved")) {
                Path here = repository.resolve(line[1]);
                if (Files.isRegularFile(here) && !Tree.digest(here).equals(line[2])) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Why a module of which nothing is found must be built. */
    String why(ModuleReads module) throws IOException {
        Path newest = null;
        for (Path folder : folders(module, true)) {
            for (Path file : files(folder)) {
                if (file.getFileName().toString().startsWith(module.digest + "-")) {
                    return "what is kept of it is incomplete";
                }
                if (newest == null || modified(file).compareTo(modified(newest)) > 0) {
                    newest = file;
                }
            }
        }
        if (newest == null) {
            return module.open.isEmpty() ? "nothing is kept of it" : "open: " + module.open;
        }
        Map<String, String> then = KeptModule.parts(newest);
        Set<String> labels = new TreeSet<>(then.keySet());
        labels.addAll(module.parts.keySet());
        labels.removeIf(label -> String.valueOf(then.get(label)).equals(module.parts.get(label)));
        String why = described(labels, then, module.parts);
        return module.open.isEmpty() ? why : "open: " + module.open + "; " + why;
    }

    private static String described(Set<String> labels, Map<String, String> then, Map<String, String> now) {
        List<String> sorted = new ArrayList<>(labels);
        Collections.sort(sorted, (one, other) -> Integer.compare(rank(one), rank(other)));
        if (sorted.isEmpty()) {
            return "what is kept of it cannot be read";
        }
        String first = sorted.get(0);
        String how = !then.containsKey(first) ? " is new" : !now.containsKey(first) ? " is gone" : " changed";
        String name = first.startsWith("file ") ? first.substring("file ".length()) : first;
        String more = sorted.size() == 1 ? "" : " and " + (sorted.size() - 1) + " more";
        return name + how + more;
    }

    private static int rank(String label) {
        for (int rank = 0; rank < REASONS.size(); rank++) {
            if (label.startsWith(REASONS.get(rank))) {
                return rank;
            }
        }
        return REASONS.size();
    }

    private static FileTime modified(Path file) throws IOException {
        try {
            return Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException removed) {
            return FileTime.fromMillis(0);
        }
    }

    private List<Path> folders(ModuleReads module, boolean all) {
        String name = module.key.replace(':', '+');
        List<Path> folders = new ArrayList<>();
        if (all || module.ofThisJob) {
            folders.add(settings.own.resolve("job").resolve(name));
        }
        if (all || !module.ofThisJob) {
            folders.add(settings.own.resolve("all").resolve(name));
            if (settings.shared != null) {
                folders.add(settings.shared.resolve(name));
            }
        }
        return folders;
    }

    /** The kept results in a folder, without those that are being written or removed. */
    static List<Path> files(Path folder) throws IOException {
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "[0-9a-f]*.zip")) {
                for (Path entry : entries) {
                    if (Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)) {
                        found.add(entry);
                    }
                }
            }
        }
        Collections.sort(found);
        return found;
    }

    /** Keeps what the module made. Returns why it cannot be kept, "" if it is. */
    String keep(ModuleReads module, ModuleResults results) throws IOException {
        results.collect();
        if (results.problem.isEmpty()) {
            List<String> lines = new ArrayList<>();
            lines.add("from\t" + settings.from);
            lines.addAll(results.lines);
            Map<String, String> parts = new TreeMap<>();
            module.parts.forEach((label, digest) -> parts.put(label.replaceAll("[\t\n]", " "), digest));
            KeptModule.write(folders(module, false).get(0), module.digest, parts, lines, results.contents);
        }
        return results.problem;
    }
}
