// No runtime of the three runs decorators with the metadata that Nest needs,
// so they stand here as its compiler would write them: as functions called.
import "reflect-metadata";
import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import process from "node:process";

class AppController {
  hello() {
    return `Hello from ${process.pid}\n`;
  }
}
Get()(
  AppController.prototype,
  "hello",
  Object.getOwnPropertyDescriptor(AppController.prototype, "hello"),
);
Controller()(AppController);

class AppModule {}
Module({ controllers: [AppController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(process.env.PORT ?? 3000);
console.log(`Listening on ${await app.getUrl()}`);
