/**
 * Clients that tokens name are set apart from those that keys name, because an issuer of tokens must not speak for the
 * clients of keys.
 */
export const tokenPrefix = 'jwt:';
