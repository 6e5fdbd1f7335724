<?php
// PHP without a library. $headers: getallheaders(). $body: file_get_contents('php://input').
function verify(string $secret, array $headers, string $body): bool
{
    ['webhook-id' => $id, 'webhook-timestamp' => $time, 'webhook-signature' => $given] =
        array_change_key_case($headers) + ['webhook-id' => '', 'webhook-timestamp' => '', 'webhook-signature' => ''];
    if (!ctype_digit($time) || abs(time() - (int) $time) > 300) {
        return false;
    }
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
    return (bool) array_filter(explode(' ', $given), fn ($one) => hash_equals($expected, $one));
}
