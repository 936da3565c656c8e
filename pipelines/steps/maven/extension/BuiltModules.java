package buildcoordination;

import java.io.File;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.inject.Named;
import javax.inject.Singleton;
import org.eclipse.aether.artifact.Artifact;
import org.eclipse.aether.repository.WorkspaceReader;
import org.eclipse.aether.repository.WorkspaceRepository;

/**
 * Resolves the modules that this run skips from their build folders, as a run of all modules does:
 * the compiler plugin compiles a module anew when its class path has other paths.
 */
@Named("ide") // the name by which Maven 3 looks for one
@Singleton
public final class BuiltModules implements WorkspaceReader {
    private static final Map<String, File> MADE = new ConcurrentHashMap<>();
    private final WorkspaceRepository repository = new WorkspaceRepository("build-coordination");

    /** Sets the files of a skipped module. */
    static void add(List<Candidates.File> files) {
        Path repository = Paths.get(System.getProperty("maven.repo.local"));
        for (Candidates.File file : files) {
            // Without POMs: Maven uses those of the source, as in a run of all modules.
            if (!file.installed.toString().endsWith(".pom")) {
                MADE.put(repository.relativize(file.installed).toString(), file.made.toFile());
            }
        }
    }

    @Override
    public WorkspaceRepository getRepository() {
        return repository;
    }

    @Override
    public File findArtifact(Artifact artifact) {
        return MADE.get(key(artifact));
    }

    @Override
    public List<String> findVersions(Artifact artifact) {
        return Collections.emptyList();
    }

    private static String key(Artifact artifact) {
        String classifier = artifact.getClassifier().isEmpty() ? "" : "-" + artifact.getClassifier();
        return artifact.getGroupId().replace('.', '/') + "/" + artifact.getArtifactId() + "/"
                + artifact.getBaseVersion() + "/" + artifact.getArtifactId() + "-" + artifact.getBaseVersion()
                + classifier + "." + artifact.getExtension();
    }
}
