package org.example.greeter.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.NoSuchFileException;
import org.example.greeter.core.BuildInfo;
import org.example.greeter.core.ConfiguredGreeter;
import org.example.greeter.report.Report;

/** The program: greets every name on its command line. */
public final class Main {
    private static final String USAGE = "usage: sample-greeter [--version] NAME...";

    private Main() {
    }

    public static void main(String[] args) {
        System.exit(run(args, new BuildInfo(), System.out, System.err));
    }

    static int run(String[] args, BuildInfo build, PrintStream out, PrintStream err) {
        if (args.length == 0) {
            err.println(USAGE);
            return 2;
        }
        String program = "sample-greeter " + build.version() + " (" + build.packaging() + ")";
        if (args[0].equals("--version")) {
            out.println(program);
            return 0;
        }
        try {
            ConfiguredGreeter greeter = ConfiguredGreeter.fromFile(build.configuration());
            Report report = new Report();
            for (String name : args) {
                report.add(greeter.greet(name));
            }
            report.lines().forEach(out::println);
        } catch (NoSuchFileException e) {
            err.println("sample-greeter: no configuration: " + e.getFile());
            return 1;
        } catch (IOException | IllegalArgumentException e) {
            err.println("sample-greeter: " + e.getMessage());
            return 1;
        }
        out.println(program + ", configured by " + build.configuration());
        return 0;
    }
}
