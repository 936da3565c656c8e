package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;

/** What Maven has resolved for each module in this run. */
final class Resolved {
    private static final Map<String, Map<String, Artifact>> BY_MODULE = new ConcurrentHashMap<>();

    private Resolved() {}

    /** At the start of a goal: a module shows only what its present goal asked for. */
    static void note(MavenProject module) {
        Map<String, Artifact> known = BY_MODULE.computeIfAbsent(
                EventLog.key(module), key -> Collections.synchronizedMap(new LinkedHashMap<>()));
        for (Artifact artifact : module.getArtifacts()) {
            known.put(artifact.getId(), artifact);
        }
    }

    static Collection<Artifact> of(MavenProject module) {
        return BY_MODULE.getOrDefault(EventLog.key(module), Collections.emptyMap()).values();
    }

    /** `SCOPE|ID|ID OF THE ONE THAT NEEDS IT|SHA-256` for each; no digest of what this source makes. */
    static List<String> items(MavenSession session, MavenProject module) throws IOException {
        List<String> items = new ArrayList<>();
        for (Artifact artifact : of(module)) {
            List<String> trail = artifact.getDependencyTrail();
            String by = trail == null || trail.size() < 2 ? id(module) : trail.get(trail.size() - 2);
            File file = artifact.getFile();
            boolean known = file != null && file.isFile() && !isOfSource(session, artifact);
            String item = String.join("|", String.valueOf(artifact.getScope()), artifact.getId(), by,
                    known ? Tree.digest(file.toPath()) : "");
            items.add(item.replaceAll("[\t\n]", " "));
        }
        Collections.sort(items);
        return items;
    }

    static String id(MavenProject module) {
        return module.getArtifact().getId();
    }

    static boolean isOfSource(MavenSession session, Artifact artifact) {
        for (MavenProject other : session.getAllProjects()) {
            if (EventLog.key(other).equals(artifact.getGroupId() + ":" + artifact.getArtifactId())) {
                return true;
            }
        }
        return false;
    }
}
