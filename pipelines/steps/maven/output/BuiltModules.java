package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.inject.Named;
import javax.inject.Singleton;
import org.eclipse.aether.artifact.Artifact;
import org.eclipse.aether.repository.WorkspaceReader;
import org.eclipse.aether.repository.WorkspaceRepository;

/**
 * Gives what modules that this run leaves out have made, from where they made it, as a run of all
 * modules does: the compiler plugin compiles a module anew when its class path has other paths.
 * The system property buildcoordination.built names the list; built_modules.py has the format.
 */
@Named("ide") // the name by which Maven 3 looks for one
@Singleton
public final class BuiltModules implements WorkspaceReader {
    private final WorkspaceRepository repository = new WorkspaceRepository("build-coordination");
    private Map<String, File> made;

    @Override
    public WorkspaceRepository getRepository() {
        return repository;
    }

    @Override
    public File findArtifact(Artifact artifact) {
        return made().get(key(artifact));
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

    private synchronized Map<String, File> made() {
        if (made == null) {
            String list = System.getProperty("buildcoordination.built");
            made = list == null ? Collections.emptyMap() : read(list);
        }
        return made;
    }

    private static Map<String, File> read(String list) {
        Map<String, File> found = new HashMap<>();
        try {
            for (String line : Files.readAllLines(Paths.get(list), StandardCharsets.UTF_8)) {
                String[] fields = line.split("\t");
                found.put(fields[0], new File(fields[1]));
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return found;
    }
}
