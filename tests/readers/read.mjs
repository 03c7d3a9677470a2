// Reads workbooks with one of two libraries: `node read.mjs sheetjs|exceljs FILE…`.
// Prints JSON: a list of books, each {sheet: [[cell]]}. A cell is null, text, a number, a truth
// value, {date: milliseconds since 1970} or {formula: text}.
import exceljs from "exceljs";
import xlsx from "xlsx";

const readers = {
  sheetjs(path) {
    const book = xlsx.readFile(path, { dense: false });
    return Object.fromEntries(
      book.SheetNames.map((name) => {
        const sheet = book.Sheets[name];
        const { e: end } = xlsx.utils.decode_range(sheet["!ref"]);
        const cell = (r, c) => sheet[xlsx.utils.encode_cell({ r, c })];
        const value = (found) => (found?.f ? { formula: found.f } : (found?.v ?? null));
        return [name, grid(end.r + 1, end.c + 1, (r, c) => value(cell(r, c)))];
      }),
    );
  },

  async exceljs(path) {
    const book = new exceljs.Workbook();
    await book.xlsx.readFile(path);
    return Object.fromEntries(
      book.worksheets.map((sheet) => {
        const value = (found) => {
          if (found.type === exceljs.ValueType.Formula) return { formula: found.formula };
          if (found.value instanceof Date) return { date: found.value.getTime() };
          return found.value?.richText?.map((run) => run.text).join("") ?? found.value;
        };
        const at = (r, c) => value(sheet.getCell(r + 1, c + 1));
        return [sheet.name, grid(sheet.rowCount, sheet.columnCount, at)];
      }),
    );
  },
};

function grid(rows, columns, at) {
  return Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => at(r, c)));
}

const [name, ...paths] = process.argv.slice(2);
const books = [];
for (const path of paths) books.push(await readers[name](path));
process.stdout.write(JSON.stringify(books));
