package org.example.words;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WordsTest {
    @Test
    void blanksSeparateWords() {
        assertEquals(3, Words.count(" one\ttwo  three\n"));
    }

    @Test
    void nothingHasNoWords() {
        assertEquals(0, Words.count("  "));
    }
}
