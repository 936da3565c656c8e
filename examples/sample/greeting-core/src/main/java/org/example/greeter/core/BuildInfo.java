package org.example.greeter.core;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Properties;

/** What the build has filled in: the version, who packaged it, where the configuration is. */
public final class BuildInfo {
    private final Properties values = new Properties();

    public BuildInfo() {
        try (InputStream in = BuildInfo.class.getResourceAsStream("build.properties")) {
            values.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String version() {
        return values.getProperty("version");
    }

    public String packaging() {
        return values.getProperty("packaging");
    }

    public Path configuration() {
        return Path.of(values.getProperty("configuration"));
    }
}
