package org.example.greeter.core;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.example.greeter.api.Greeter;
import org.example.greeter.api.Greeting;

/** Greets with the words of a configuration file, key {@code greeting}. */
public final class ConfiguredGreeter implements Greeter {
    private static final String PLACE_OF_NAME = "{name}";

    private final String template;

    public ConfiguredGreeter(String template) {
        this.template = template;
    }

    /** Reads the template from a properties file. */
    public static ConfiguredGreeter fromFile(Path file) throws IOException {
        Properties configuration = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            configuration.load(reader);
        }
        String template = configuration.getProperty("greeting");
        if (template == null) {
            throw new IOException(file + ": no value for \"greeting\"");
        }
        return new ConfiguredGreeter(template);
    }

    @Override
    public Greeting greet(String name) {
        return new Greeting(name, template.replace(PLACE_OF_NAME, String.valueOf(name).strip()));
    }
}
