// A real, certified OpenID Connect server for grantway's tests, with everything kept in memory.
//
// Prints one JSON line on standard output once it listens: its issuer, its clients, the resources
// it knows, and an issuer whose assertions it believes. Ends when standard input closes, so it never outlives the tests that started it.
//
//   OIDC_PROVIDER_PORT   port to listen on; a free one by default
//   OIDC_PROVIDER_CERT   path of a PEM certificate; with OIDC_PROVIDER_KEY the server speaks TLS
//   OIDC_PROVIDER_KEY    path of its PEM key
//   OIDC_PROVIDER_DPOP_NONCE   "1": DPoP proofs need a nonce from the server
//   OIDC_PROVIDER_CLIENT_CERT  path of a PEM certificate, that of the clients which show one in TLS
//   OIDC_PROVIDER_PAR   "required": authorization requests have to be pushed

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';

import Provider, { errors } from 'oidc-provider';

import { JWT_BEARER, TOKEN_EXCHANGE, register } from './grants.mjs';

const HOST = '127.0.0.1';
const ALL_GRANTS = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  TOKEN_EXCHANGE,
  JWT_BEARER,
];
const USER_GRANTS = ALL_GRANTS.filter((grant) => grant !== 'client_credentials');

// Native clients may use any loopback port. The path counts, an empty one too.
const REDIRECT_URIS = ['127.0.0.1', 'localhost'].flatMap((host) => [
  `http://${host}`,
  `http://${host}/`,
  `http://${host}/callback`,
]);

const RESOURCES = {
  jwt: { uri: 'https://jwt.example/api', format: 'jwt', scope: 'api:read api:write' },
  opaque: { uri: 'https://opaque.example/api', format: 'opaque', scope: 'api:read api:write' },
};

const common = {
  application_type: 'native',
  redirect_uris: REDIRECT_URIS,
  response_types: ['code'],
};

// The keys of the clients that sign assertions, by the kind that tests ask for.
const CLIENT_KEYS = Object.fromEntries(
  [
    ['rsa', 'rsa', { modulusLength: 2048 }],
    ['p256', 'ec', { namedCurve: 'P-256' }],
    ['p384', 'ec', { namedCurve: 'P-384' }],
  ].map(([name, type, options]) => {
    const { privateKey } = generateKeyPairSync(type, options);
    return [name, privateKey.export({ type: 'pkcs8', format: 'pem' })];
  }),
);

function publicJwk(pem, more = {}) {
  return { ...createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' }), use: 'sig', ...more };
}

const CLIENT_CERTIFICATE = process.env.OIDC_PROVIDER_CLIENT_CERT
  ? new X509Certificate(readFileSync(process.env.OIDC_PROVIDER_CLIENT_CERT))
  : undefined;

function withCertificate(client_id, method, more) {
  return { ...common, client_id, token_endpoint_auth_method: method, grant_types: ALL_GRANTS, ...more };
}

const CLIENTS = {
  // Every character here tells a correct form-encoding from a wrong one.
  basic: {
    ...common,
    client_id: 'basic client:100%+1 ~/?&=',
    client_secret: 's3cret: 50% + "half" & <more> = ~`/\\?#[]@!$()*,;|{}^_-.\'',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ALL_GRANTS,
  },
  post: {
    ...common,
    client_id: 'post client:100%+1',
    client_secret: 'p0st: 50% + "half" & <more> = ~/?#[]@!$\'()*,;',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ALL_GRANTS,
  },
  public: {
    ...common,
    client_id: 'public-client',
    token_endpoint_auth_method: 'none',
    grant_types: USER_GRANTS,
  },
  assertion: withCertificate('assertion-client', 'private_key_jwt', {
    jwks: { keys: Object.entries(CLIENT_KEYS).map(([kid, pem]) => publicJwk(pem, { kid })) },
  }),
  ...(CLIENT_CERTIFICATE && {
    tls: withCertificate('tls-client', 'tls_client_auth', {
      tls_client_auth_subject_dn: CLIENT_CERTIFICATE.subject,
    }),
    self_signed_tls: withCertificate('self-signed-tls-client', 'self_signed_tls_client_auth', {
      jwks: {
        keys: [
          {
            ...CLIENT_CERTIFICATE.publicKey.export({ format: 'jwk' }),
            x5c: [CLIENT_CERTIFICATE.raw.toString('base64')],
          },
        ],
      },
    }),
  }),
  // These two get no token without a proof of possession.
  bound: {
    ...common,
    client_id: 'bound-client',
    client_secret: 'a secret of the client whose tokens are bound',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ALL_GRANTS,
    dpop_bound_access_tokens: true,
  },
  'bound public': {
    ...common,
    client_id: 'bound-public-client',
    token_endpoint_auth_method: 'none',
    grant_types: USER_GRANTS,
    dpop_bound_access_tokens: true,
  },
};

function signingKey(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `key-${alg}` };
}

// An issuer whose assertions are believed. Its private key is announced, for the tests to sign with.
const ASSERTIONS = { issuer: 'https://assertions.example', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };

function resourceServer(uri) {
  const resource = Object.values(RESOURCES).find((candidate) => candidate.uri === uri);
  if (!resource) throw new errors.InvalidTarget();
  return {
    audience: resource.uri,
    scope: resource.scope,
    accessTokenTTL: 600,
    accessTokenFormat: resource.format,
    ...(resource.format === 'jwt' && { jwt: { sign: { alg: 'RS256' } } }),
  };
}

const configuration = {
  clients: Object.values(CLIENTS),
  clientAuthMethods: [
    ...['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    ...(CLIENT_CERTIFICATE ? ['tls_client_auth', 'self_signed_tls_client_auth'] : []),
  ],
  enabledJWA: {
    clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384'],
  },
  jwks: {
    keys: [
      signingKey('rsa', { modulusLength: 2048 }, 'RS256'),
      signingKey('ec', { namedCurve: 'P-256' }, 'ES256'),
    ],
  },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  scopes: ['openid', 'offline_access'],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username'],
  },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      email: `${sub}@example.com`,
      email_verified: true,
      name: `The user ${sub}`,
      preferred_username: sub,
    }),
  }),
  extraTokenClaims: (_ctx, token) => token.extra,
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 600,
    ClientCredentials: 600,
    AuthorizationCode: 60,
    DeviceCode: 600,
    Grant: 86400,
    IdToken: 600,
    Interaction: 600,
    RefreshToken: 86400,
    Session: 86400,
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: randomBytes(32),
      requireNonce: () => process.env.OIDC_PROVIDER_DPOP_NONCE === '1',
    },
    introspection: { enabled: true },
    mTLS: {
      enabled: CLIENT_CERTIFICATE !== undefined,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      certificateBoundAccessTokens: true,
      getCertificate: (ctx) => {
        const { raw } = ctx.req.socket.getPeerCertificate();
        return raw && new X509Certificate(raw).toString();
      },
      // The one certificate that is known stands for whatever a CA would vouch for.
      certificateAuthorized: (ctx) =>
        ctx.req.socket.getPeerCertificate().raw?.equals(CLIENT_CERTIFICATE.raw) === true,
      certificateSubjectMatches: (ctx, _property, expected) =>
        new X509Certificate(ctx.req.socket.getPeerCertificate().raw).subject === expected,
    },
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: process.env.OIDC_PROVIDER_PAR === 'required',
    },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // A request that names no resource gets the first one granted, where one was.
      defaultResource: (_ctx, _client, oneOf) => oneOf?.[0],
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, uri) => resourceServer(uri),
    },
    revocation: { enabled: true },
  },
};

const { OIDC_PROVIDER_PORT: port, OIDC_PROVIDER_CERT: cert, OIDC_PROVIDER_KEY: key } = process.env;
const server = cert
  ? https.createServer({
      cert: readFileSync(cert),
      key: readFileSync(key),
      // Asked for, and looked at by the provider: most clients have none.
      requestCert: CLIENT_CERTIFICATE !== undefined,
      rejectUnauthorized: false,
    })
  : http.createServer();

// The issuer carries the port, so the socket comes first and the provider second.
server.listen(Number(port ?? 0), HOST, () => {
  const issuer = `${cert ? 'https' : 'http'}://${HOST}:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  register(provider, resourceServer, { issuer: ASSERTIONS.issuer, key: ASSERTIONS.publicKey });
  provider.on('server_error', (_ctx, error) => console.error(error));
  server.on('request', provider.callback());
  const assertions = {
    issuer: ASSERTIONS.issuer,
    key: ASSERTIONS.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  const announced = {
    issuer,
    clients: CLIENTS,
    keys: CLIENT_KEYS,
    resources: RESOURCES,
    assertions,
  };
  process.stdout.write(`${JSON.stringify(announced)}\n`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
