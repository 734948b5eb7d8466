// Every page: times in the reader's own zone, and what ticked runs would be compared.
import { followTicks } from "./ticks.js";
import { localTimes } from "./times.js";

localTimes(document);
followTicks();
