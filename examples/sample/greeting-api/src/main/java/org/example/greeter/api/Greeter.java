package org.example.greeter.api;

/** Knows how to greet. */
public interface Greeter {
    /**
     * Greets somebody.
     *
     * @param name who is greeted, neither null nor blank
     */
    Greeting greet(String name);
}
