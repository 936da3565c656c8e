package buildcoordination;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which modules may be kept, and where; store.py writes the file and has its format. */
final class Settings {
    final Set<String> purePlugins = new HashSet<>();
    /** Paths below the source that modules read besides their own folders. */
    final Map<String, List<String>> inputs = new HashMap<>();
    /** Lines that decide what is open. */
    final List<String> rules = new ArrayList<>();
    /** The tree of the job's commit. */
    Path source;
    /** The folder of the job, whose path differs from job to job. */
    Path job;
    /** What this job has kept. */
    Path own;
    /** What all jobs have kept; null: only this one counts. */
    Path shared;
    /** Digest of the sources of this extension. */
    String extension = "";
    /** Which job keeps modules here, and its commit; separated by a tab. */
    String from = "\t";

    /** Null if every module is built. */
    static Settings read() throws IOException {
        String file = System.getProperty("buildcoordination.modules");
        if (file == null) {
            return null;
        }
        Settings settings = new Settings();
        for (String line : Files.readAllLines(Paths.get(file), StandardCharsets.UTF_8)) {
            settings.add(line, line.split("\t", -1));
        }
        return settings;
    }

    private void add(String line, String[] fields) throws IOException {
        switch (fields[0]) {
            case "pure":
                purePlugins.add(fields[1]);
                rules.add(line);
                break;
            case "reads":
                inputs.computeIfAbsent(fields[1], key -> new ArrayList<>()).add(fields[2]);
                rules.add(line);
                break;
            case "extension":
                extension = fields[1];
                break;
            case "source":
                source = Paths.get(fields[1]).toRealPath();
                break;
            case "job":
                job = Paths.get(fields[1]).toRealPath();
                break;
            case "own":
                own = Paths.get(fields[1]);
                break;
            case "shared":
                shared = Paths.get(fields[1]);
                break;
            case "from":
                from = fields[1] + "\t" + fields[2];
                break;
            default:
                throw new IOException("unknown line in the settings of kept modules: " + fields[0]);
        }
    }

    /** Text without paths that differ from job to job. */
    String without(String text) {
        return text.replace(source.toString(), "${source}").replace(job.toString(), "${job}");
    }
}
