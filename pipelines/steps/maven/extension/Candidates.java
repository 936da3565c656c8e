package buildcoordination;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The records of modules that were built before; candidates.py writes them and has the format. */
final class Candidates {
    final Map<String, Module> modules = new HashMap<>();
    final Set<String> purePlugins = new HashSet<>();
    /** Paths below the source that modules read besides their own folders. */
    final Map<String, List<String>> inputs = new HashMap<>();
    /** Modules in which only tests failed: their compiled files may stay if nothing has changed. */
    final Map<String, Module> begun = new HashMap<>();
    /** Keys of modules by the modules that read files that they wrote. */
    final Map<String, Set<String>> writers = new HashMap<>();

    /** A module that was built, with its files as they were then. */
    static final class Module {
        String digest;
        /** The origin of its files, as text. */
        String from;
        boolean ofAnotherJob;
        final List<File> files = new ArrayList<>();
        Path target;
        Path otherTarget;
    }

    /** A file that a module made; `installed` is in the local repository. */
    static final class File {
        Path made;
        Path installed;
        /** The same files of another job. */
        Path otherMade;
        Path otherInstalled;
    }

    static Candidates read(Path list) throws IOException {
        Candidates candidates = new Candidates();
        for (String line : Files.readAllLines(list, StandardCharsets.UTF_8)) {
            candidates.add(line.split("\t", -1));
        }
        return candidates;
    }

    private void add(String[] fields) throws IOException {
        switch (fields[0]) {
            case "pure":
                purePlugins.add(fields[1]);
                break;
            case "reads":
                inputs.computeIfAbsent(fields[1], key -> new ArrayList<>()).add(fields[2]);
                break;
            case "writer":
                writers.computeIfAbsent(fields[1], key -> new HashSet<>()).add(fields[2]);
                break;
            case "begun":
                Module module = new Module();
                module.digest = fields[2];
                module.target = Paths.get(fields[3]);
                begun.put(fields[1], module);
                break;
            case "built":
                module(fields[1]).digest = fields[2];
                module(fields[1]).from = fields[3];
                module(fields[1]).ofAnotherJob = fields[4].equals("other");
                break;
            case "file":
                module(fields[1]).files.add(file(fields));
                break;
            case "target":
                module(fields[1]).target = Paths.get(fields[2]);
                module(fields[1]).otherTarget = Paths.get(fields[3]);
                break;
            default:
                throw new IOException("unknown line in the list of built modules: " + fields[0]);
        }
    }

    private Module module(String key) {
        return modules.computeIfAbsent(key, unknown -> new Module());
    }

    private static File file(String[] fields) {
        File file = new File();
        file.made = Paths.get(fields[2]);
        file.installed = Paths.get(fields[3]);
        if (fields.length > 4) {
            file.otherMade = Paths.get(fields[4]);
            file.otherInstalled = Paths.get(fields[5]);
        }
        return file;
    }

    Set<String> writersInto(String key) {
        return writers.getOrDefault(key, Collections.emptySet());
    }
}
