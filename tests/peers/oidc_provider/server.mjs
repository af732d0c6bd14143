// A real, certified OpenID Connect server for grantway's tests, with everything kept in memory.
//
// Prints one JSON line on standard output once it listens: its issuer, its clients, the resources
// it knows. Ends when standard input closes, so it never outlives the tests that started it.
//
//   OIDC_PROVIDER_PORT   port to listen on; a free one by default
//   OIDC_PROVIDER_CERT   path of a PEM certificate; with OIDC_PROVIDER_KEY the server speaks TLS
//   OIDC_PROVIDER_KEY    path of its PEM key
//   OIDC_PROVIDER_DPOP_NONCE   "1": DPoP proofs need a nonce from the server
//   OIDC_PROVIDER_PAR   "required": authorization requests have to be pushed

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';

import Provider, { errors } from 'oidc-provider';

const HOST = '127.0.0.1';
const ALL_GRANTS = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
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
  ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) })
  : http.createServer();

// The issuer carries the port, so the socket comes first and the provider second.
server.listen(Number(port ?? 0), HOST, () => {
  const issuer = `${cert ? 'https' : 'http'}://${HOST}:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  provider.on('server_error', (_ctx, error) => console.error(error));
  server.on('request', provider.callback());
  process.stdout.write(`${JSON.stringify({ issuer, clients: CLIENTS, resources: RESOURCES })}\n`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
