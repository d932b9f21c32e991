<?php

declare(strict_types=1);

/** Accepted difference between a timestamp and the receiver's clock, in seconds. */
const TOLERANCE = 300;

/**
 * Verifies webhook-signature (Standard Webhooks). $key: the key itself, not its whsec_ form; $headers: names to values,
 * as getallheaders() returns them; $body: the bytes as received, file_get_contents('php://input'); $now: epoch seconds.
 */
function verify_standard(string $key, array $headers, string $body, ?int $now = null): bool
{
    $given = array_change_key_case($headers, CASE_LOWER);
    $id = $given['webhook-id'] ?? '';
    $timestamp = $given['webhook-timestamp'] ?? '';
    if ($id === '' || preg_match('/\A[0-9]{1,12}\z/', $timestamp) !== 1 || abs(($now ?? time()) - (int) $timestamp) > TOLERANCE) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // During a key rotation there are two signatures, separated by a space.
    $matches = array_filter(explode(' ', $given['webhook-signature'] ?? ''), fn (string $signature): bool => hash_equals($expected, $signature));
    return $matches !== [];
}

/**
 * Verifies Elements-Webhook-Signature and, during a key rotation, Elements-Webhook-Signature-Next. It covers only the
 * body, so it does not detect an old request that is sent again.
 */
function verify_elements(string $key, array $headers, string $body): bool
{
    $given = array_change_key_case($headers, CASE_LOWER);
    $expected = 'sha256=' . base64_encode(hash_hmac('sha256', $body, $key, true));
    return hash_equals($expected, $given['elements-webhook-signature'] ?? '')
        || hash_equals($expected, $given['elements-webhook-signature-next'] ?? '');
}
