package org.example.greeter.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.example.greeter.api.Greeting;
import org.junit.jupiter.api.Test;

class ReportTest {
    private final Report report = new Report();

    @Test
    void countsOne() {
        report.add(new Greeting("Ada", "Hello, Ada!"));
        assertEquals(List.of("Hello, Ada!", "1 greeting"), report.lines());
    }

    @Test
    void countsNone() {
        assertEquals(List.of("0 greetings"), report.lines());
    }
}
