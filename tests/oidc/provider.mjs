// A real OpenID provider on a free port of the loopback: `node provider.mjs REDIRECT_URI ALGORITHM`. It prints its issuer
// and serves until its standard input ends. Whoever logs in as NAME is NAME, with the email NAME@luz.example, which is
// verified unless NAME begins with "un".
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

// the library's notices: standard output is the issuer's, and nobody reads on
console.info = console.error;

const [redirectUri, algorithm] = process.argv.slice(2);
const pairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const key = { ...pairs[algorithm]().privateKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm, kid: randomUUID() };
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'rejoin',
      client_secret: 'a secret of the test & its signs: +%',
      redirect_uris: [redirectUri],
      id_token_signed_response_alg: algorithm,
    }],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
    jwks: { keys: [key] },
    cookies: { keys: [randomUUID()] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub, email: `${sub}@luz.example`, email_verified: !sub.startsWith('un') }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
