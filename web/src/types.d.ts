declare module "idiomorph/dist/idiomorph.esm.js" {
  export const Idiomorph: {
    morph(target: Element, content: Element | HTMLCollection | string, options: object): Node[];
  };
}
