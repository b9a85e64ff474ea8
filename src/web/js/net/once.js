// One request on a connection of its own: for pages that need no session, or not the present one.

import { Api } from './api.js';
import { Connection, socketUrl } from './connection.js';
import { ConnectionLost } from './wire.js';

/** Opens a connection, does `work(api)`, and closes it. */
export async function once(work) {
  const connection = new Connection(socketUrl());
  try {
    await new Promise((resolve, reject) => {
      connection.on('state', (state) => {
        if (state === 'open') resolve();
        else if (state === 'offline') reject(new ConnectionLost());
      });
      connection.open();
    });
    return await work(new Api(connection));
  } finally {
    connection.close();
  }
}
