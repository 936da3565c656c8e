package buildcoordination;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * What a module made, in a zip file named `KEY-SHA256.zip`, with the digests of its inputs and of itself.
 *
 * Its first entry is `parts`, a line `LABEL tab DIGEST` for each input; the second is `module`, with the
 * lines `from JOB COMMIT`, `folder MODE PATH`, `link TO PATH`, `file MODE TIME PATH` (TIME in milliseconds,
 * or `built`), `pom PATH` if a plugin has replaced it, `main PATH`, `attached TYPE CLASSIFIER PATH`, `installed PATH`, `resolved PATH DIGEST` and
 * `uses ITEM` (Resolved.java), with tabs. The contents of `file` and `installed` lines follow in their order.
 */
final class KeptModule {
    static final String BUILT = "built";
    private static final String PACKED = ".*\\.([jwe]ar|zip|gz|xz|bz2|png|jpg)";
    private static final int BLOCK = 1 << 16;

    final List<String[]> lines = new ArrayList<>();
    private final Path file;

    private KeptModule(Path file) {
        this.file = file;
    }

    /** Null if the file is not complete. */
    static KeptModule open(Path file) throws IOException {
        String name = file.getFileName().toString();
        if (!name.endsWith("-" + Tree.digest(file) + ".zip")) {
            return null;
        }
        KeptModule kept = new KeptModule(file);
        try (ZipInputStream zip = stream(file)) {
            zip.getNextEntry();
            zip.getNextEntry();
            for (String line : text(zip).split("\n")) {
                kept.lines.add(line.split("\t", -1));
            }
        }
        return kept;
    }

    /** The digests of its inputs, whether the rest of the file is complete or not. */
    static Map<String, String> parts(Path file) {
        Map<String, String> parts = new TreeMap<>();
        try (ZipInputStream zip = stream(file)) {
            zip.getNextEntry();
            for (String line : text(zip).split("\n")) {
                String[] fields = line.split("\t", -1);
                if (fields.length == 2) {
                    parts.put(fields[0], fields[1]);
                }
            }
        } catch (IOException error) {
            parts.clear(); // it only explains why a module is built
        }
        return parts;
    }

    String[] from() {
        return lines.get(0);
    }

    /** Writes it into `folder`. `contents` are those of `file` and `installed` lines. */
    static void write(Path folder, String key, Map<String, String> parts, List<String> lines, List<Path> contents)
            throws IOException {
        Files.createDirectories(folder);
        Path temporary = folder.resolve("." + UUID.randomUUID());
        MessageDigest sha = Tree.sha256();
        try {
            try (OutputStream out = Files.newOutputStream(temporary);
                    ZipOutputStream zip = new ZipOutputStream(new DigestOutputStream(out, sha))) {
                zip.setLevel(Deflater.BEST_SPEED);
                StringBuilder text = new StringBuilder();
                parts.forEach((label, digest) -> text.append(label).append('\t').append(digest).append('\n'));
                add(zip, "parts", text.toString());
                add(zip, "module", String.join("\n", lines) + "\n");
                for (int number = 0; number < contents.size(); number++) {
                    boolean packed = contents.get(number).toString().matches(PACKED);
                    zip.setLevel(packed ? Deflater.NO_COMPRESSION : Deflater.BEST_SPEED);
                    zip.putNextEntry(new ZipEntry(String.valueOf(number)));
                    Files.copy(contents.get(number), zip);
                }
            }
            removeOthers(folder, key);
            Path named = folder.resolve(key + "-" + Tree.hex(sha) + ".zip");
            Files.move(temporary, named, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void removeOthers(Path folder, String key) throws IOException {
        for (Path other : ModuleStore.files(folder)) {
            if (other.getFileName().toString().startsWith(key + "-")) {
                Files.delete(other);
            }
        }
    }

    private static void add(ZipOutputStream zip, String name, String text) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes its files below `source`, its installed ones below `repository`; `now` for those that it built. */
    List<Path> restore(Path source, Path repository, FileTime now) throws IOException {
        List<Path> restored = new ArrayList<>();
        try (ZipInputStream zip = stream(file)) {
            zip.getNextEntry();
            zip.getNextEntry();
            for (String[] line : lines) {
                if (line[0].equals("folder")) {
                    Path folder = place(source, line[2]);
                    Files.createDirectories(folder);
                    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(line[1]));
                } else if (line[0].equals("link")) {
                    Path link = place(source, line[2]);
                    Files.deleteIfExists(link);
                    Files.createSymbolicLink(link, link.getFileSystem().getPath(line[1]));
                    restored.add(link);
                } else if (line[0].equals("file")) {
                    zip.getNextEntry();
                    Path path = place(source, line[3]);
                    write(zip, path);
                    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(line[1]));
                    Files.setLastModifiedTime(path, line[2].equals(BUILT) ? now
                            : FileTime.fromMillis(Long.parseLong(line[2])));
                    restored.add(path);
                } else if (line[0].equals("installed")) {
                    zip.getNextEntry();
                    write(zip, place(repository, line[1]));
                }
            }
        }
        return restored;
    }

    /** The path below `top`, in a folder that is reached without links. */
    private static Path place(Path top, String name) throws IOException {
        Path path = top.resolve(name).normalize();
        if (!path.startsWith(top) || path.equals(top)) {
            throw new IOException("kept file leads out of its folder: " + name);
        }
        Files.createDirectories(path.getParent());
        if (!path.getParent().toRealPath().startsWith(top.toRealPath())) {
            throw new IOException("kept file leads through a link: " + name);
        }
        return path;
    }

    private static void write(InputStream content, Path path) throws IOException {
        Files.deleteIfExists(path);
        Files.copy(content, path);
    }

    private static ZipInputStream stream(Path file) throws IOException {
        InputStream content = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS);
        return new ZipInputStream(new BufferedInputStream(content, BLOCK));
    }

    private static String text(InputStream content) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        byte[] block = new byte[BLOCK];
        for (int size = content.read(block); size > 0; size = content.read(block)) {
            text.write(block, 0, size);
        }
        return new String(text.toByteArray(), StandardCharsets.UTF_8);
    }
}
