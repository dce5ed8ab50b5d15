/** No task has this id, or it is not for the caller to see. */
export class TaskNotFoundError extends Error {
  override readonly name = 'TaskNotFoundError';

  readonly taskId: string;

  constructor(taskId: string) {
    super(`There is no video task with the id ${JSON.stringify(taskId)}.`);
    this.taskId = taskId;
  }
}

/** The service is shutting down and takes no more orders. Nothing was ordered. */
export class ServiceStoppingError extends Error {
  override readonly name = 'ServiceStoppingError';

  constructor() {
    super('The service is stopping and takes no more orders; nothing was ordered. Send the order again.');
  }
}
