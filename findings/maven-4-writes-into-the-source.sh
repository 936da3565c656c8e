#!/bin/bash
# guess:     `mvn install` writes into the build folders (`target`) that the POMs name, and into the local
#            repository. A project without a `.mvn` folder has none afterwards, and `mvn clean` removes what
#            the build left. The files of a module that succeeded do not depend on modules that fail later.
# behaviour: Maven 4 itself makes `.mvn/target/project-local-repo` in the root of the source, a copy of POMs
#            and artifacts of each module, and `clean` leaves it. When a module fails, Maven writes
#            `target/resume.properties` into the build folder of the root module, which had succeeded. The
#            consumer POM that the install plugin names in its log (`target/consumer-NUMBER.pom`) is gone
#            when Maven ends. Who compares build folders to find out what changed sees changes of Maven's own.
# version:   Maven 4.0.0-rc-7; 3.9.16 leaves none of them in this project.
# source:    not looked up: seen by experiment
# output seen (2026-11-30):
#            3.9.16 names 0 consumer POMs
#            3.9.16 after a failure:
#            3.9.16 after clean:
#            4.0.0-rc-7 names 2 consumer POMs
#            4.0.0-rc-7 after a failure: target/resume.properties .mvn/target/project-local-repo
#            4.0.0-rc-7 after clean: .mvn/target/project-local-repo
# here:      pipelines/steps/maven/extension/WrittenFiles.java and pipelines/steps/maven/incremental/candidates.py
#            ignore these files; pipelines/steps/maven/extension/ModuleReads.java does not read .mvn/target
set -euo pipefail
script=$(realpath "$0")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

head='<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
own='<groupId>org.example.finding</groupId><artifactId>root</artifactId><version>1</version>'
make_source() {
    mkdir -p "$1/one/src/main/java" "$1/two/src/main/java"
    echo "$head$own<packaging>pom</packaging><modules><module>one</module><module>two</module></modules></project>" >"$1/pom.xml"
    for name in one two; do
        echo "$head<parent>$own</parent><artifactId>$name</artifactId></project>" >"$1/$name/pom.xml"
    done
    echo 'class Broken {' >"$1/two/src/main/java/Broken.java"
}
left() { find . \( -name project-local-repo -o -name resume.properties -o -name 'consumer-*.pom' \) -printf '%P ' | sort; }

for version in 3.9.16 4.0.0-rc-7; do
    mvn -q -B -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        -Dartifact="org.apache.maven:apache-maven:$version:tar.gz:bin" -DoutputDirectory="$folder"
    tar xzf "$folder/apache-maven-$version-bin.tar.gz" -C "$folder"
    maven="$folder/apache-maven-$version/bin/mvn -B -Dstyle.color=never -Dmaven.repo.local=$folder/repository"
    make_source "$folder/$version"
    cd "$folder/$version"
    if $maven install >"$folder/log" 2>&1; then echo "the broken module was built"; exit 1; fi
    echo "$version names $(grep -c 'Installing .*target/consumer-[0-9]*\.pom' "$folder/log" || true) consumer POMs" | tee -a "$folder/seen"
    echo "$version after a failure: $(left)" | tee -a "$folder/seen"
    $maven clean >"$folder/log" 2>&1
    echo "$version after clean: $(left)" | tee -a "$folder/seen"
done
sed 's/ *$//' "$folder/seen" | diff - <(sed -n 's/^#  *\([34]\.[0-9].* \(names\|after\) .*\)/\1/p' "$script")
echo "as described"
