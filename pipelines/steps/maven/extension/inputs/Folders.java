package buildcoordination;

import java.io.File;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/** The folders of the modules in the source. */
final class Folders {
    /** The tree of the job's commit. */
    final Path source;
    /** Where Maven was started. */
    final Path start;
    private final Set<Path> bases = new HashSet<>();
    /** Build folders, with the key of their module. */
    private final Map<Path, String> targets = new TreeMap<>();

    Folders(MavenSession session, Path source) {
        this.source = source;
        start = session.getRequest().getMultiModuleProjectDirectory().toPath();
        // Maven 4 copies artifacts there.
        targets.put(start.resolve(".mvn/target"), "");
        for (MavenProject module : session.getAllProjects()) {
            targets.put(target(module), EventLog.key(module));
            targets.put(target(module).resolve("project-local-repo"), "");
            bases.add(module.getBasedir().toPath());
        }
    }

    static Path target(MavenProject module) {
        return new File(module.getBuild().getDirectory()).toPath().normalize();
    }

    /** The text with the paths in the place of the names that Maven does not replace in a model. */
    String resolved(String text, Path parent) {
        String result = text.replace("${session.executionRootDirectory}", start.toString())
                .replace("${maven.multiModuleProjectDirectory}", start.toString());
        return parent == null ? result : result.replace("${project.parent.basedir}", parent.toString());
    }

    /** Whether a folder belongs to another module than the one at `base` with this key. */
    boolean isOfOther(Path base, String key, Path folder) {
        boolean nested = bases.contains(folder) && !folder.equals(base);
        return nested || targets.containsKey(folder) && !key.equals(targets.get(folder));
    }

    /** The key of the module with this build folder; of several the last one. */
    String owner(Path target) {
        return targets.get(target);
    }

    /** Whether the path is in the folder of the module at `base`. */
    boolean isOf(Path base, Path path) {
        for (Path inner = path; inner != null && inner.startsWith(base); inner = inner.getParent()) {
            if (bases.contains(inner)) {
                return inner.equals(base);
            }
        }
        return false;
    }

    /** Whether the path is in a build folder. */
    boolean isBuilt(Path path) {
        for (Path target : targets.keySet()) {
            if (path.startsWith(target)) {
                return true;
            }
        }
        return false;
    }
}
