/** The input that fits a question's kind. */
import { html } from "../../vendor/preact.js";
import { Arrange } from "./arrange.js";
import { ChooseOne, ChooseSeveral } from "./choose.js";
import { TypeAnswer } from "./type.js";

const INPUTS = { choice: ChooseOne, multiple: ChooseSeveral, text: TypeAnswer, number: TypeAnswer, order: Arrange, poll: ChooseOne };

/** @param {import("./choose.js").InputProps} props */
export function AnswerInput(props) {
  const { kind, options, questionId } = props.question;
  const Input = kind === "poll" && !options?.length ? TypeAnswer : INPUTS[kind];
  return html`<${Input} key=${questionId} ...${props} />`;
}
