package org.example.words;

/** Counts words. */
public final class Words {
    private Words() {
    }

    /** Number of words in a text; blanks separate them. */
    public static int count(String text) {
        String stripped = text.strip();
        return stripped.isEmpty() ? 0 : stripped.split("\\s+").length;
    }
}
