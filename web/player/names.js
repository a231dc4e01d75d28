/** Names to offer: cheerful, and fit for a school. */
import { language } from "../ui/text.js";

const ENGLISH = {
  first: "Brave Bright Bouncy Clever Cosmic Cosy Curious Daring Dancing Dreamy Eager Fearless Flying Gentle Golden Happy Humming Jolly Lucky Mellow Merry Mighty Nimble Peppy Polite Quick Quiet Rapid Shiny Singing Smiling Snazzy Speedy Starry Sunny Swift Turbo Upbeat Wise Witty".split(" "),
  second: "Badger Beaver Bee Cactus Comet Dolphin Dragon Falcon Firefly Fox Giraffe Hamster Hedgehog Heron Kiwi Koala Ladybird Lemur Llama Lynx Maple Meteor Narwhal Octopus Otter Owl Panda Parrot Penguin Pixel Puffin Quokka Robin Rocket Seal Sparrow Squirrel Tiger Turtle Unicorn Walnut Yak Zebra".split(" "),
};

/** German adjectives agree with their noun: each noun has the ending that it asks for. */
const GERMAN = {
  first: "Bunt Clever Eifrig Fleißig Flink Fliegend Fröhlich Froh Funkelnd Geduldig Gelassen Glücklich Heiter Hurtig Klug Kühn Leis Lustig Lächelnd Mutig Munter Neugierig Pfiffig Quirlig Rasch Sanft Singend Sonnig Sportlich Strahlend Tanzend Tapfer Träumend Verträumt Wach Witzig".split(" "),
  second: {
    er: "Adler Biber Dachs Delfin Drache Falke Fuchs Hamster Igel Kaktus Kiwi Koala Komet Kolibri Luchs Marienkäfer Narwal Otter Panda Papagei Pinguin Seestern Spatz Tiger Wal".split(" "),
    e: "Biene Eule Giraffe Hummel Libelle Meise Möwe Robbe Schildkröte Schnecke Walnuss Wolke".split(" "),
    es: "Alpaka Einhorn Eichhörnchen Erdmännchen Glühwürmchen Känguru Lama Nashorn Rotkehlchen Zebra".split(" "),
  },
};

/** @template T @param {T[]} list @returns {T} */
const any = (list) => list[Math.floor(Math.random() * list.length)];

function germanName() {
  const nouns = Object.entries(GERMAN.second).flatMap(([ending, words]) => words.map((noun) => ({ ending, noun })));
  const { ending, noun } = any(nouns);
  const adjective = any(GERMAN.first);
  return `${adjective}${ending} ${noun}`;
}

/** A name to offer, in the page's language. */
export const offerName = () => (language.value === "de" ? germanName() : `${any(ENGLISH.first)} ${any(ENGLISH.second)}`);
