// Two grants that oidc-provider leaves to its users, registered as its interface for that has it:
// token exchange (RFC 8693) and the JWT bearer grant (RFC 7523, section 2.1). Clients are
// authenticated, and tokens found, made and signed, by oidc-provider itself.

import { jwtVerify } from 'jose';
import { errors } from 'oidc-provider';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const KIND = 'urn:ietf:params:oauth:token-type:';

async function accessToken(ctx, accountId, gty, resourceServer, extra) {
  const { provider, client, params } = ctx.oidc;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  const token = new provider.AccessToken({ accountId, client, gty, extra, grantId: await grant.save() });
  if (params.resource) {
    const server = resourceServer(params.resource);
    token.resourceServer = new provider.ResourceServer(params.resource, server);
    const known = server.scope.split(' ');
    token.scope = params.scope?.split(' ').filter((each) => known.includes(each)).join(' ');
  } else {
    token.scope = params.scope;
  }
  return {
    access_token: await token.save(),
    token_type: token.tokenType,
    expires_in: token.expiration,
    ...(token.scope && { scope: token.scope }),
  };
}

async function found(ctx, name) {
  const { provider, params } = ctx.oidc;
  const model = {
    [`${KIND}access_token`]: provider.AccessToken,
    [`${KIND}refresh_token`]: provider.RefreshToken,
  }[params[`${name}_type`]];
  if (!model) throw new errors.InvalidRequest(`${name}_type is not supported`);
  const token = await model.find(params[name] ?? '');
  if (!token) throw new errors.InvalidRequest(`${name} is not valid`);
  return token;
}

function tokenExchange(resourceServer) {
  return async (ctx) => {
    const { provider, params } = ctx.oidc;
    const subject = await found(ctx, 'subject_token');
    const actor = params.actor_token && await found(ctx, 'actor_token');
    const wanted = params.requested_token_type ?? `${KIND}access_token`;
    if (wanted === `${KIND}id_token`) {
      const token = new provider.IdToken({ sub: subject.accountId }, { ctx });
      token.scope = 'openid';
      ctx.body = {
        access_token: await token.issue({ use: 'idtoken' }),
        issued_token_type: wanted,
        token_type: 'N_A',
      };
      return;
    }
    if (wanted !== `${KIND}access_token`) throw new errors.InvalidRequest('not issued here');
    const extra = {
      ...(actor && { act: { sub: actor.accountId } }),
      ...(params.audience && { audiences: [params.audience].flat() }),
    };
    ctx.body = {
      ...await accessToken(ctx, subject.accountId, 'token_exchange', resourceServer, extra),
      issued_token_type: wanted,
    };
  };
}

function jwtBearer(resourceServer, { issuer, key }) {
  return async (ctx) => {
    let claims;
    try {
      ({ payload: claims } = await jwtVerify(ctx.oidc.params.assertion ?? '', key, {
        issuer,
        audience: ctx.oidc.provider.issuer,
        requiredClaims: ['exp', 'sub'],
      }));
    } catch {
      throw new errors.InvalidGrant('the assertion is not valid');
    }
    ctx.body = await accessToken(ctx, claims.sub, 'jwt_bearer', resourceServer);
  };
}

export function register(provider, resourceServer, trusted) {
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    tokenExchange(resourceServer),
    [
      'audience', 'resource', 'scope', 'requested_token_type',
      'subject_token', 'subject_token_type', 'actor_token', 'actor_token_type',
    ],
    ['audience', 'resource'],
  );
  provider.registerGrantType(
    JWT_BEARER,
    jwtBearer(resourceServer, trusted),
    ['assertion', 'resource', 'scope'],
  );
}
