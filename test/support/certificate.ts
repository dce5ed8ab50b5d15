import { generateKeyPairSync, sign } from 'node:crypto';

/** One element of ASN.1 in DER. */
function element(tag: number, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: Buffer[]): Buffer => element(0x30, ...parts);
const objectId = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'));

/** A fresh self-signed certificate for `localhost`, which no machine trusts. Node can read certificates but not make them. */
export function selfSigned(): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
  const commonName = sequence(objectId('550403'), element(0x0c, 'localhost'));
  const name = sequence(element(0x31, commonName));
  const validity = sequence(element(0x17, '200101000000Z'), element(0x17, '491231235959Z'));
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' });
  const serialNumber = element(0x02, Buffer.from([1]));
  const unsigned = sequence(serialNumber, ecdsaWithSha256, name, validity, name, subjectKey);
  const signature = element(0x03, Buffer.from([0]), sign('sha256', unsigned, privateKey));
  const certificate = sequence(unsigned, ecdsaWithSha256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}
