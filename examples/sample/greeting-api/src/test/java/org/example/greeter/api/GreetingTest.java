package org.example.greeter.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class GreetingTest {
    @Test
    void keepsNameWithoutSurroundingSpace() {
        assertEquals("World", new Greeting(" World ", "Hello").name());
    }

    @Test
    void refusesBlankName() {
        assertThrows(IllegalArgumentException.class, () -> new Greeting(" ", "Hello"));
        assertThrows(IllegalArgumentException.class, () -> new Greeting(null, "Hello"));
    }
}
