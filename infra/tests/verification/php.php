<?php
// Runs the PHP sample on requests from standard input: one line of JSON in, a line of `true` or `false` out. The sample is
// the argument. It holds no verification of its own.
require $argv[1];

while (($line = fgets(STDIN)) !== false) {
    $given = json_decode($line, true, flags: JSON_THROW_ON_ERROR);
    echo verify($given['secret'], $given['headers'], $given['body']) ? "true\n" : "false\n";
}
