package org.example.greeter.report;

import java.util.ArrayList;
import java.util.List;
import org.example.greeter.api.Greeting;

/** All greetings of one run, as lines, and how many there were. */
public final class Report {
    private final List<Greeting> greetings = new ArrayList<>();

    public void add(Greeting greeting) {
        greetings.add(greeting);
    }

    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        for (Greeting greeting : greetings) {
            lines.add(greeting.text());
        }
        lines.add(greetings.size() == 1 ? "1 greeting" : greetings.size() + " greetings");
        return lines;
    }
}
