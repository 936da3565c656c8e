package org.example.greeter.api;

/** One greeting: who was greeted, and with which words. */
public final class Greeting {
    private final String name;
    private final String text;

    public Greeting(String name, String text) {
        if (name == null || name.isBlank()) {
            throw new IllegalArgumentException("a greeting needs a name");
        }
        this.name = name.strip();
        this.text = text;
    }

    public String name() {
        return name;
    }

    public String text() {
        return text;
    }
}
