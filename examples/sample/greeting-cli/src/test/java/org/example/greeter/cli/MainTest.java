package org.example.greeter.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.example.greeter.core.BuildInfo;
import org.junit.jupiter.api.Test;

class MainTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... args) {
        return Main.run(args, new BuildInfo(), new PrintStream(out), new PrintStream(err));
    }

    @Test
    void tellsItsVersion() {
        assertEquals(0, run("--version"));
        assertTrue(out.toString().startsWith("sample-greeter " + new BuildInfo().version() + " ("), out.toString());
    }

    @Test
    void withoutNamesTellsTheUsage() {
        assertEquals(2, run());
        assertTrue(err.toString().startsWith("usage: sample-greeter"), err.toString());
    }
}
