<?php

declare(strict_types=1);

/** Seconds that a timestamp may lie before or after the receiver's clock. */
const TOLERANCE = 300;

/**
 * Verifies webhook-signature (Standard Webhooks). $key: as given, not its whsec_ form; $headers: names to values, as getallheaders()
 * has them; $body: the bytes as they came, file_get_contents('php://input'); $now: epoch seconds.
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
    // While the key is changed there are two, with a blank between them.
    $matches = array_filter(explode(' ', $given['webhook-signature'] ?? ''), fn (string $one): bool => hash_equals($expected, $one));
    return $matches !== [];
}

/**
 * Verifies Elements-Webhook-Signature, and while the key is changed Elements-Webhook-Signature-Next. It covers the body alone: it does
 * not tell an old request from a new one.
 */
function verify_elements(string $key, array $headers, string $body): bool
{
    $given = array_change_key_case($headers, CASE_LOWER);
    $expected = 'sha256=' . base64_encode(hash_hmac('sha256', $body, $key, true));
    return hash_equals($expected, $given['elements-webhook-signature'] ?? '')
        || hash_equals($expected, $given['elements-webhook-signature-next'] ?? '');
}
