package buildcoordination;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** Files and their digests. Links are not followed. */
final class Tree {
    private static final Map<String, String> DIGESTS = new ConcurrentHashMap<>();
    private static final int BLOCK = 1 << 16;

    private Tree() {}

    /** All files and links below `top`, which can be one itself, each with a text that changes when it does. */
    static Map<Path, String> list(Path top, Predicate<Path> skipped) throws IOException {
        Map<Path, String> found = new TreeMap<>();
        if (!Files.exists(top, LinkOption.NOFOLLOW_LINKS)) {
            return found;
        }
        Files.walkFileTree(top, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                return folder.endsWith(".git") || skipped.test(folder)
                        ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (!file.endsWith(".git")) {
                    found.put(file, state(file));
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException error) {
                return FileVisitResult.CONTINUE; // another module, which is built at once, removed it
            }
        });
        return found;
    }

    private static String state(Path file) throws IOException {
        // Not the time of the last modification, which a copy keeps.
        return Files.readAttributes(file, "unix:size,ctime,ino,mode", LinkOption.NOFOLLOW_LINKS).toString();
    }

    static FileTime changed(Path file) throws IOException {
        return (FileTime) Files.getAttribute(file, "unix:ctime", LinkOption.NOFOLLOW_LINKS);
    }

    /** Kind, executability and content of a file, or the target of a link. */
    static String describe(Path file) throws IOException {
        if (Files.isSymbolicLink(file)) {
            return "link " + Files.readSymbolicLink(file);
        }
        if (!Files.isRegularFile(file)) {
            return "special";
        }
        return (Files.isExecutable(file) ? "x " : "- ") + digest(file);
    }

    /** SHA-256 of a file's content; computed once while it is unchanged. */
    static String digest(Path file) throws IOException {
        String known = file + " " + state(file);
        String digest = DIGESTS.get(known);
        if (digest == null) {
            MessageDigest sha = sha256();
            byte[] block = new byte[BLOCK];
            try (InputStream content = Files.newInputStream(file)) {
                for (int size = content.read(block); size >= 0; size = content.read(block)) {
                    sha.update(block, 0, size);
                }
            }
            digest = hex(sha);
            DIGESTS.put(known, digest);
        }
        return digest;
    }

    static String digest(String text) {
        MessageDigest sha = sha256();
        sha.update(text.getBytes(StandardCharsets.UTF_8));
        return hex(sha);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    static String hex(MessageDigest sha) {
        StringBuilder text = new StringBuilder();
        for (byte one : sha.digest()) {
            text.append(Character.forDigit(one >> 4 & 15, 16)).append(Character.forDigit(one & 15, 16));
        }
        return text.toString();
    }

    static void remove(Path top) throws IOException {
        if (!Files.isDirectory(top, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(top, new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException error) throws IOException {
                Files.delete(folder);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
