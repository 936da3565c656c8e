package org.example.greeter.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfiguredGreeterTest {
    @TempDir
    Path folder;

    @Test
    void greetsWithTheWordsOfTheFile() throws IOException {
        Path file = Files.writeString(folder.resolve("greeter.properties"), "greeting=Bonjour, {name} !\n");
        assertEquals("Bonjour, Ada !", ConfiguredGreeter.fromFile(file).greet("Ada").text());
    }

    @Test
    void namesTheFileThatHasNoGreeting() throws IOException {
        Path file = Files.writeString(folder.resolve("greeter.properties"), "other=x\n");
        IOException e = assertThrows(IOException.class, () -> ConfiguredGreeter.fromFile(file));
        assertEquals(file + ": no value for \"greeting\"", e.getMessage());
    }
}
