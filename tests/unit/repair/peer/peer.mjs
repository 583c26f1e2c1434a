// SPDX-License-Identifier: Apache-2.0
//
// Reads a list of texts in JSON from standard input and writes what jsonrepair makes of each: a list of texts, null
// where it refuses or what it made is no JSON.

import {readFileSync} from 'node:fs';
import {jsonrepair} from 'jsonrepair';

const mended = JSON.parse (readFileSync (0, 'utf8')).map (text => {
  try {
    const json = jsonrepair (text);
    JSON.parse (json);
    return json;
  } catch {
    return null;
  }
});
process.stdout.write (JSON.stringify (mended));
