package org.example.greeter.core;

import static org.junit.jupiter.api.Assertions.assertFalse;

import org.junit.jupiter.api.Test;

class BuildInfoTest {
    private final BuildInfo build = new BuildInfo();

    /** A name that cs.replace.properties lacks would stay as it is, between two signs. */
    @Test
    void everythingIsFilledIn() {
        assertFalse(build.version().contains("@"), build.version());
        assertFalse(build.packaging().contains("@"), build.packaging());
        assertFalse(build.configuration().toString().contains("@"), build.configuration().toString());
    }
}
