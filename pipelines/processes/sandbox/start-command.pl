# Starts a command in the sandbox, outlives SIGTERM, and reports how the command ended.
#   start-command.pl DESCRIPTOR COMMAND...
# Perl, because every Debian system has it, and it starts ten times as fast as Python. It closes the
# report in the command, since the number of its descriptor is above 2.
open(my $report, ">&=", shift) or die "no report: $!";
syswrite $report, "started\n";
$SIG{TERM} = "IGNORE";
my $pid = fork;
die "cannot fork: $!" unless defined $pid;
unless ($pid) {
    $SIG{TERM} = "DEFAULT";
    exec { $ARGV[0] } @ARGV;
    syswrite $report, "cannot " . ($! + 0) . "\n";
    exit 127;
}
waitpid $pid, 0;
my ($signal, $code) = ($? & 127, $? >> 8);
syswrite $report, $signal ? "signal $signal\n" : "code $code\n";
exit($signal ? 128 + $signal : $code);
