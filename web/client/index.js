/** The client of the server: rooms, solo games, plain calls. No DOM, no dependency. */
export { Api } from "./api.js";
export { Problem } from "./problem.js";
export { Room } from "./room.js";
export { Solo } from "./solo.js";
export { browserStorage, memoryStorage, savedSeats, seats, storage } from "./storage.js";
export { uuid } from "./ids.js";
