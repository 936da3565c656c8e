package buildcoordination;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.inject.Inject;
import javax.inject.Named;
import javax.inject.Singleton;
import org.apache.maven.AbstractMavenLifecycleParticipant;
import org.apache.maven.MavenExecutionException;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.project.MavenProject;
import org.apache.maven.project.MavenProjectHelper;

/**
 * Leaves out the modules whose results are kept: Maven sees them as built. The system property
 * buildcoordination.modules names the settings; without it every module is built.
 */
@Named
@Singleton
public final class ModuleChoice extends AbstractMavenLifecycleParticipant {
    private static final Set<String> PHASES = new HashSet<>(Arrays.asList("clean", "validate", "initialize",
            "generate-sources", "process-sources", "generate-resources", "process-resources", "compile",
            "process-classes", "test-compile", "test", "prepare-package", "package", "verify", "install"));
    private static final Set<String> PACKAGING_PHASES = new HashSet<>(Arrays.asList("package", "verify", "install"));

    @Inject
    private MavenProjectHelper helper;

    @Override
    public void afterProjectsRead(MavenSession session) throws MavenExecutionException {
        try {
            Settings settings = Settings.read();
            if (settings != null && EventLog.open()) {
                choose(session, settings);
            }
        } catch (IOException error) {
            throw new MavenExecutionException("cannot determine which modules are already built: " + error, error);
        }
    }

    private void choose(MavenSession session, Settings settings) throws IOException {
        EventLog.plan(session);
        KeptModules.forget();
        Set<String> goals = new HashSet<>(session.getGoals());
        if (!PHASES.containsAll(goals)) {
            EventLog.write("all", String.join(" ", session.getGoals()) + " does more than build");
            return;
        }
        goals.retainAll(PACKAGING_PHASES);
        if (goals.isEmpty()) {
            EventLog.write("all", String.join(" ", session.getGoals()) + " packs nothing");
            return;
        }
        Map<String, ModuleReads> modules = read(session, settings);
        ModuleStore store = new ModuleStore(settings, new File(session.getLocalRepository().getBasedir()));
        Map<String, KeptModule> kept = find(modules, store);
        List<MavenProject> rest = new ArrayList<>();
        for (ModuleReads module : modules.values()) {
            if (!kept.containsKey(module.key)) {
                rest.add(module.project);
            }
        }
        KeptModules.use(session, new Folders(session, settings.source), store, modules, kept, helper);
        session.setProjects(rest);
    }

    private static Map<String, ModuleReads> read(MavenSession session, Settings settings) throws IOException {
        Map<String, String> surroundings = Surroundings.of(session, settings);
        Folders folders = new Folders(session, settings.source);
        Map<String, ModuleReads> modules = new LinkedHashMap<>();
        for (MavenProject project : session.getProjects()) {
            ModuleReads module = ModuleReads.of(project, session, folders, settings, surroundings, modules);
            modules.put(module.key, module);
            if (!module.open.isEmpty()) {
                EventLog.write("open", module.key, module.open);
            }
        }
        return modules;
    }

    /** The kept results by module, without those of modules that might differ from a build from scratch. */
    private static Map<String, KeptModule> find(Map<String, ModuleReads> modules, ModuleStore store)
            throws IOException {
        Map<String, KeptModule> kept = new LinkedHashMap<>();
        Map<String, String> reasons = new LinkedHashMap<>();
        String openBefore = "";
        for (ModuleReads module : modules.values()) {
            String why = whyWithoutLooking(module, reasons, openBefore);
            KeptModule found = why.isEmpty() ? store.find(module) : null;
            if (found != null) {
                kept.put(module.key, found);
                continue;
            }
            reasons.put(module.key, why.isEmpty() ? store.why(module) : why);
            if (!module.open.isEmpty()) {
                openBefore = module.key;
            }
        }
        if (reasons.isEmpty()) {
            ModuleReads harmless = harmless(modules);
            kept.remove(harmless.key);
            reasons.put(harmless.key, "Maven does not run without a module");
        }
        for (Map.Entry<String, String> reason : reasons.entrySet()) {
            EventLog.write("why", reason.getKey(), reason.getValue().replaceAll("[\t\n]", " "));
        }
        return kept;
    }

    /** `built` has the modules that are built; `openBefore` is the last open one of them. */
    private static String whyWithoutLooking(ModuleReads module, Map<String, String> built, String openBefore) {
        if (module.unknown) {
            return "open: " + module.open;
        }
        for (ModuleReads needed : module.needs) {
            // The results of an open module can differ each time, and with them those of all above it.
            if (built.containsKey(needed.key) && needed.ofThisJob) {
                return "needs " + needed.key + ", which is built and " + (needed.open.isEmpty() ? "needs" : "is")
                        + " an open module";
            }
        }
        if (!module.open.isEmpty() && !openBefore.isEmpty()) {
            return "open: " + module.open + "; it can read the results of " + openBefore + ", which is built";
        }
        return "";
    }

    /** This one makes nothing new for any other. */
    private static ModuleReads harmless(Map<String, ModuleReads> modules) {
        ModuleReads last = null;
        for (ModuleReads module : modules.values()) {
            if (module.open.isEmpty()) {
                return module;
            }
            last = module;
        }
        return last;
    }
}
